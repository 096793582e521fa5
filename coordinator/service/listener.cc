#include "coordinator/service/listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep {
namespace {

constexpr rlim_t kMostDescriptors = 4096;
constexpr int kBacklog = 1024;
constexpr int kPauseMs = 50;  // after an error of accept
// Each new connection costs as much as several calls; a flood of them waits in the kernel's queue instead.
constexpr std::chrono::microseconds kConnectionInterval{1'000};
constexpr int kConnectionBurst = 64;

// Descriptors that connections may have: numbers below the result.
int descriptors_for_connections() {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0, "{}", std::strerror(errno));
  rlimit raised = limit;
  raised.rlim_cur = std::min(limit.rlim_max, kMostDescriptors);
  if (raised.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  const auto all = static_cast<int>(std::min(limit.rlim_cur, kMostDescriptors));
  return all - all / 4;
}

// Lets one pass in each interval; what was not used counts, up to a burst.
class Pace {
 public:
  void wait() {
    const auto now = std::chrono::steady_clock::now();
    next_ = std::max(next_, now - kConnectionBurst * kConnectionInterval) + kConnectionInterval;
    if (next_ > now) std::this_thread::sleep_until(next_);
  }

 private:
  std::chrono::steady_clock::time_point next_;
};

// Why the address could not be had; OK when it was. For a local socket: the mode is that of the file that bind makes,
// and the file of one who has died is in the way.
Status bind_to(const Descriptor& socket, SocketAddress& where, const std::string& address) {
  if (!socket.valid()) return bad_configuration(std::strerror(errno));
  if (where.is_local()) {
    if (can_connect(address)) return bad_configuration("another process listens there");
    unlink(where.path().c_str());
    if (fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) return bad_configuration(std::strerror(errno));
  }
  const int on = 1;  // a port that was left a minute ago may be had again; one in use may not
  const bool bound = setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                     bind(socket.get(), where.get(), where.size) == 0 && ::listen(socket.get(), kBacklog) == 0 &&
                     (where.is_local() || getsockname(socket.get(), where.get(), &where.size) == 0);
  return bound ? OkStatus() : bad_configuration(std::strerror(errno));
}

}  // namespace

StatusOr<std::unique_ptr<Listener>> Listener::open(const std::string& address) {
  ASSIGN_OR_RETURN(SocketAddress where, parse_address(address));
  Descriptor socket(::socket(where.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (const Status bound = bind_to(socket, where, address); !bound.ok()) {
    return with_context(bound, fmt::format("{}: the address cannot be had", address));
  }
  std::string had = address;
  if (!where.is_local()) had = fmt::format("{}:{}", address.substr(0, address.rfind(':')), where.port());
  return std::unique_ptr<Listener>(new Listener(std::move(socket), std::move(had), where));
}

Listener::Listener(Descriptor socket, std::string address, const SocketAddress& where)
    : socket_(std::move(socket)), address_(std::move(address)), where_(where) {
  if (where_.is_local()) lstat(where_.path().c_str(), &file_);
}

bool Listener::is_reachable() const {
  if (!where_.is_local()) return true;
  struct stat now{};
  return lstat(where_.path().c_str(), &now) == 0 && now.st_dev == file_.st_dev && now.st_ino == file_.st_ino;
}

void Listener::start(std::function<void(int)> take) {
  take_ = std::move(take);
  thread_ = std::thread([this, below = descriptors_for_connections()] { accept_all(below); });
}

void Listener::stop() {
  if (stopping_.exchange(true)) return;
  shutdown(socket_.get(), SHUT_RDWR);  // wakes poll
  if (thread_.joinable()) thread_.join();
  if (where_.is_local() && is_reachable()) unlink(where_.path().c_str());
  socket_.close();
}

// The file's mode keeps others out where the system looks at it; who is behind a connection is known for certain.
bool Listener::is_welcome(int connection) const {
  if (!where_.is_local()) return true;
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

void Listener::accept_all(int below) {
  pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  Pace pace;
  while (!stopping_) {
    poll(&readable, 1, -1);
    pace.wait();
    const int connection = accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (!stopping_ && errno != EAGAIN && errno != EINTR) poll(nullptr, 0, kPauseMs);
    } else if (connection >= below || !is_welcome(connection)) {  // the kernel gives the lowest number that is free
      close(connection);
    } else {
      const int on = 1;
      if (!where_.is_local()) setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      take_(connection);
    }
  }
}

}  // namespace lockstep
