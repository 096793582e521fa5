// What a healthy client of a running coordinator notices of hostile ones. Usage: hostile_latency ADDRESS TOKEN_FILE
// [RATE]; 100 hostile acts a second by default, 0: without a pause. Prints the median and the 99th percentile of the
// times of 2000 calls of `list`, one after another, in quiet and beside a process of each kind of hostility. The
// control is a process that leaves the coordinator alone, and only takes a core.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/service/client.h"
#include "coordinator/service/token.h"
#include "tests/coordinator/service/raw_peer.h"
#include "tests/coordinator/service/service_scene.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSubmit = "/lockstep.proto.SweepService/Submit";
constexpr int kCalls = 2000;

struct Hostility {
  const char* name;
  std::function<void()> act;
  bool pauses = true;
};

// A process that waits until it is told to begin, and then acts again and again until it is killed. Requires: nothing
// of gRPC was used in this process before.
class HostileProcess {
 public:
  HostileProcess(const Hostility& hostility, int rate) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    go_ = ends[1];
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ > 0) {
      close(ends[0]);
      return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char go = 0;
    if (read(ends[0], &go, 1) != 1) _exit(1);
    while (true) {
      hostility.act();
      if (hostility.pauses && rate > 0) std::this_thread::sleep_for(std::chrono::duration<double>(1.0 / rate));
    }
  }
  ~HostileProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(go_);
  }
  HostileProcess(const HostileProcess&) = delete;
  HostileProcess& operator=(const HostileProcess&) = delete;

  void begin() const { CHECK(write(go_, "g", 1) == 1); }

 private:
  pid_t pid_ = -1;
  int go_ = -1;
};

// Keeps so many connections open on which nothing, or now and then a byte, is said.
void hold(const std::string& address, int count, bool speaks) {
  static std::vector<RawPeer> peers;
  while (std::ssize(peers) < count) peers.emplace_back(address);
  for (auto& peer : peers) {
    const bool closed = speaks ? !peer.send(kHttp2Hello.substr(0, 1)) : peer.is_closed_within(1);
    if (closed) peer = RawPeer(address);
  }
  if (speaks) std::this_thread::sleep_for(std::chrono::seconds(1));
}

std::vector<Hostility> hostilities(const std::string& address, const std::string& token) {
  const auto calls = [address](const std::string& request, const std::string& with_token) {
    return [=] {
      static const auto channel = channel_to(address);
      call(channel, kSubmit, request, with_token);
    };
  };
  return {
      {"a busy process (control)", [] {}, /*pauses=*/false},
      {"no token", calls("", "")},
      {"5 MiB messages", calls(std::string(5 << 20, 'x'), token)},
      {"malformed messages", calls("\xff\xff\xff", token)},
      {"bytes that are no HTTP/2", [=] { RawPeer(address).send(std::string(1000, '\x5a')); }},
      {"1000 half-open", [=] { hold(address, 1000, false); }},
      {"100 of a byte a second", [=] { hold(address, 100, true); }},
  };
}

struct Times {
  double median_ms = 0;
  double p99_ms = 0;
  int failures = 0;
};

Times measure(Client& client) {
  Times times;
  std::vector<double> all;
  for (int i = 0; i < kCalls; ++i) {
    const auto began = Clock::now();
    times.failures += client.list().ok() ? 0 : 1;
    all.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  std::sort(all.begin(), all.end());
  times.median_ms = all[all.size() / 2];
  times.p99_ms = all[all.size() * 99 / 100];
  return times;
}

int run(const std::string& address, const char* token_file, int rate) {
  const StatusOr<std::string> token = read_token(token_file);
  if (!token.ok() || rate < 0) {
    std::fprintf(stderr, "usage: hostile_latency ADDRESS TOKEN_FILE [RATE]\n%s\n", token.status().ToString().c_str());
    return 2;
  }
  const rlimit descriptors{.rlim_cur = 4096, .rlim_max = 4096};
  CHECK(setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  const std::vector<Hostility> all = hostilities(address, *token);
  std::vector<std::unique_ptr<HostileProcess>> processes;
  for (const Hostility& it : all) processes.push_back(std::make_unique<HostileProcess>(it, rate));
  const std::unique_ptr<Client> client = Client::connect(address, *token);
  measure(*client);  // warms up
  std::printf("%-26s %9s %9s   %9s %9s  %6s %s\n", "", "quiet p50", "p99", "p50", "p99 ms", "ratio", "failures");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Times quiet = measure(*client);
    processes[i]->begin();
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const Times beside = measure(*client);
    processes[i].reset();
    std::printf("%-26s %9.3f %9.3f   %9.3f %9.3f  %6.2f %d\n", all[i].name, quiet.median_ms, quiet.p99_ms,
                beside.median_ms, beside.p99_ms, beside.p99_ms / quiet.p99_ms, quiet.failures + beside.failures);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "", argc > 3 ? std::atoi(argv[3]) : 100);
}
