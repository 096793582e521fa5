#include "coordinator/execute/local_executor.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "coordinator/execute/attempt_directory.h"
#include "coordinator/execute/process_table.h"
#include "coordinator/execute/shim_process.h"
#include "storage/base/cores.h"
#include "storage/base/descriptor.h"
#include "storage/base/fault.h"
#include "storage/base/log.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause(1), kLongestPause(100), kRetryPause(1000);
constexpr std::chrono::seconds kPatience(10);

// An attempt under way: waits for its shim, or has its sessions killed, or waits to look at its directory again.
struct Attempt {
  Attempt(AttemptKey a_key, AttemptDirectory a_directory, proto::AttemptFile a_file)
      : key(std::move(a_key)), directory(std::move(a_directory)), file(std::move(a_file)) {}

  AttemptKey key;
  AttemptDirectory directory;
  proto::AttemptFile file;
  ShimProcess shim;                       // the one that is waited for
  bool started_here = false;              // whether this executor has started a shim for it
  bool asked = false;                     // to stop
  std::string story;                      // what led to its end
  std::optional<proto::AttemptEnd> end;   // its sessions are being killed; this comes then
  std::vector<ProcessIdentity> sessions;  // by their leaders
  std::optional<Clock::time_point> next;  // when to kill, or look, again
  milliseconds pause = kFirstPause;
  Clock::time_point warn_at;
};

// The session's live processes are sent SIGKILL; returns how many. None of a session whose leader's number is used by
// another process: a number is free for use only when its session is gone.
int kill_session_of(const ProcessIdentity& leader) {
  const auto facts = process_facts(leader.pid);
  if (facts && facts->identity != leader) return 0;
  return leader.pid == getsid(0) ? 0 : kill_session(leader.pid, 0);
}

std::optional<ProcessIdentity> shim_of(const proto::ClaimFile& claim) {
  if (claim.boot() != boot_id() || claim.pid() <= 1) return std::nullopt;
  return ProcessIdentity{static_cast<pid_t>(claim.pid()), claim.start_ticks()};
}

// A claim of nobody: whatever shim comes later starts nothing.
Status claim_for_nobody(const AttemptDirectory& directory) {
  proto::ClaimFile claim;
  claim.set_pid(0);
  claim.set_boot(boot_id());
  return directory.make_claim(claim);
}

class LocalExecutor : public Executor {
 public:
  explicit LocalExecutor(LocalExecutorOptions options)
      : options_(std::move(options)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(wake_.valid(), "eventfd");
    if (options_.cores.empty()) options_.cores = usable_cores();
    // Signals to this process are for its other threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  LocalExecutor(const LocalExecutor&) = delete;
  LocalExecutor& operator=(const LocalExecutor&) = delete;
  ~LocalExecutor() override {
    post([this] { stopping_ = true; });
    thread_.join();
  }

  void ensure(const AttemptKey& key, const std::filesystem::path& directory, const proto::AttemptFile& file) override {
    std::error_code error;
    std::filesystem::path path = std::filesystem::weakly_canonical(directory, error);
    if (error) path = directory;
    post([this, key, path = std::move(path), file] {
      if (ended_.contains(key)) return;
      const auto [place, is_new] = attempts_.try_emplace(key, Attempt(key, AttemptDirectory(path), file));
      if (is_new) settle(place->second);
    });
  }

  // The file is written before anything is started.
  bool was_started(const std::filesystem::path& directory) const override {
    return !absl::IsNotFound(AttemptDirectory(directory).attempt().status());
  }

  void ask_to_stop(const AttemptKey& key) override {
    post([this, key] {
      const auto found = attempts_.find(key);
      if (found == attempts_.end() || std::exchange(found->second.asked, true)) return;
      ask(found->second);
    });
  }

  void kill(const AttemptKey& key, proto::AttemptEnd why) override {
    post([this, key, why] {
      const auto found = attempts_.find(key);
      if (found == attempts_.end() || found->second.end) return;
      Attempt& attempt = found->second;
      const Status claimed = claim_for_nobody(attempt.directory);
      if (!claimed.ok() && !absl::IsAlreadyExists(claimed)) log_error("{}", claimed.ToString());
      attempt.story = "it was killed";
      kill_sessions(attempt, why);
    });
  }

  std::vector<int> cores() const override { return options_.cores; }

 private:
  using Command = std::function<void()>;

  void post(Command command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    CHECK(eventfd_write(wake_.get(), 1) == 0, "eventfd_write");
  }

  // Everything below is for the executor's thread.

  void run() {
    while (true) {
      std::vector<Command> commands;
      {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
      }
      for (const Command& command : commands) {
        command();
        forget_ended();
      }
      if (stopping_) return;
      wait();
      forget_ended();
    }
  }

  // Until there are commands, a shim has ended or an attempt's time has come; the last two are dealt with.
  void wait() {
    std::vector<pollfd> waiting{{wake_.get(), POLLIN, 0}};
    std::vector<Attempt*> polled;
    std::optional<Clock::time_point> next;
    for (auto& [key, attempt] : attempts_) {
      if (attempt.next) {
        next = next ? std::min(*next, *attempt.next) : *attempt.next;
      } else {
        waiting.push_back({attempt.shim.process.get(), POLLIN, 0});
        polled.push_back(&attempt);
      }
    }
    int timeout_ms = -1;
    if (next)
      timeout_ms = static_cast<int>(std::max<long>(0, std::chrono::ceil<milliseconds>(*next - Clock::now()).count()));
    const int count = poll(waiting.data(), waiting.size(), timeout_ms);
    CHECK(count >= 0 || errno == EINTR, "poll");
    if (count < 0) return;
    eventfd_t ignored = 0;
    if (waiting[0].revents != 0) eventfd_read(wake_.get(), &ignored);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (waiting[i + 1].revents != 0) shim_ended(*polled[i]);
    }
    const auto now = Clock::now();
    for (auto& [key, attempt] : attempts_) {
      if (!attempt.next || *attempt.next > now) continue;
      if (attempt.end)
        kill_again(attempt);
      else
        settle(attempt);
    }
  }

  void shim_ended(Attempt& attempt) {
    const std::string how = reap(attempt.shim.identity);
    attempt.story = fmt::format("its shim {} and left no exit code", how);
    attempt.shim = {};
    settle(attempt);
  }

  // Looks at the directory and does what the table in local_executor.h says.
  void settle(Attempt& attempt) {
    attempt.next.reset();
    const auto written = attempt.directory.attempt();
    if (written.ok() && written->token() != attempt.file.token()) {
      attempt.story = "its directory is that of another attempt: of a log that was deleted or replaced";
      return finish(attempt, proto::LOST);
    }
    const auto exit = attempt.directory.exit();
    if (exit.ok()) return finish(attempt, *exit);
    auto claim = attempt.directory.claim();
    if (absl::IsNotFound(exit.status()) && absl::IsNotFound(claim.status())) {
      if (wait_for_unclaimed(attempt)) return;
      if (!attempt.started_here) return start(attempt);
      claim = attempt.directory.claim();
      if (absl::IsNotFound(claim.status())) {
        const Status claimed = claim_for_nobody(attempt.directory);
        if (absl::IsAlreadyExists(claimed)) return look_again(attempt, kFirstPause);
        if (!claimed.ok()) log_error("{}", claimed.ToString());
        return kill_sessions(attempt, proto::LOST);
      }
    }
    for (const Status& status : {exit.status(), claim.status()}) {
      if (absl::IsUnavailable(status)) {  // nothing is known: not a reason to give it up
        log_error("attempt in \"{}\": {}", attempt.directory.path().native(), status.ToString());
        return look_again(attempt, kRetryPause);
      }
    }
    const auto shim = claim.ok() ? shim_of(*claim) : std::nullopt;
    if (shim && wait_for(attempt, *shim)) return;
    if (!claim.ok()) attempt.story = std::string(claim.status().message());
    if (attempt.story.empty()) attempt.story = "its shim is gone and left no exit code";
    kill_sessions(attempt, proto::LOST);
  }

  void look_again(Attempt& attempt, milliseconds pause) { attempt.next = Clock::now() + pause; }

  // False when it is dead. While that cannot be told it is looked at again: nothing is started beside it.
  bool wait_for(Attempt& attempt, const ProcessIdentity& shim) {
    StatusOr<Descriptor> process = open_process(shim);
    if (absl::IsNotFound(process.status())) return false;
    attempt.shim = {shim, process.ok() ? *std::move(process) : Descriptor()};
    if (attempt.asked) ask(attempt);
    if (attempt.shim.process.valid()) return true;
    log_error("attempt in \"{}\": {}", attempt.directory.path().native(), std::string(process.status().message()));
    look_again(attempt, kRetryPause);
    return true;
  }

  void ask(const Attempt& attempt) {
    if (!attempt.shim.process.valid()) return;  // it is asked when it is found
    const Status asked = send_signal(attempt.shim.process, SIGUSR1);
    if (absl::IsUnavailable(asked)) log_error("{}", std::string(asked.message()));
  }

  // A shim of an earlier coordinator that has not come to its claim yet.
  bool wait_for_unclaimed(Attempt& attempt) {
    if (absl::IsNotFound(attempt.directory.attempt().status())) return false;  // none was ever started
    const auto shims = unclaimed_shims(attempt);
    return std::any_of(shims.begin(), shims.end(),
                       [&](const ProcessIdentity& shim) { return wait_for(attempt, shim); });
  }

  std::vector<ProcessIdentity> unclaimed_shims(const Attempt& attempt) const {
    return processes_running(options_.shim.filename().native(), attempt.directory.path().native());
  }

  void start(Attempt& attempt) {
    attempt.started_here = true;
    Status status = fault_point("serve.start");
    if (status.ok()) status = attempt.directory.write_attempt(attempt.file);
    if (status.ok()) {
      StatusOr<ShimProcess> shim = start_shim(options_.shim, attempt.directory);
      status = shim.status();
      if (shim.ok()) attempt.shim = *std::move(shim);
      if (shim.ok() && !attempt.shim.process.valid()) look_again(attempt, kRetryPause);
    }
    if (status.ok()) status = fault_point("serve.started");
    if (status.ok()) return;
    attempt.story = std::string(status.message());
    if (attempt.shim.identity.pid == 0) settle(attempt);
  }

  void kill_sessions(Attempt& attempt, proto::AttemptEnd end) {
    attempt.end = end;
    attempt.warn_at = Clock::now() + kPatience;
    attempt.sessions = unclaimed_shims(attempt);
    if (attempt.shim.identity.pid != 0) attempt.sessions.push_back(attempt.shim.identity);
    const auto claim = attempt.directory.claim();
    if (const auto shim = claim.ok() ? shim_of(*claim) : std::nullopt) attempt.sessions.push_back(*shim);
    kill_again(attempt);
  }

  void kill_again(Attempt& attempt) {
    int alive = 0;
    for (const ProcessIdentity& leader : attempt.sessions) alive += kill_session_of(leader);
    if (alive == 0) {
      for (const ProcessIdentity& leader : attempt.sessions) reap(leader);
      const auto exit = attempt.directory.exit();
      return exit.ok() ? finish(attempt, *exit) : finish(attempt, *attempt.end);
    }
    if (Clock::now() > attempt.warn_at) {
      log_warning("attempt in \"{}\": {} processes do not die of SIGKILL", attempt.directory.path().native(), alive);
      attempt.warn_at += kPatience;
    }
    look_again(attempt, attempt.pause);
    attempt.pause = std::min(2 * attempt.pause, kLongestPause);
  }

  void finish(Attempt& attempt, const proto::ExitFile& exit) {
    Ended ended{attempt.key, proto::EXITED, exit.exit_code(), attempt.directory.last_words()};
    if (exit.has_seconds()) ended.seconds = exit.seconds();
    tell(attempt, ended);
  }

  void finish(Attempt& attempt, proto::AttemptEnd end) {
    Ended ended{attempt.key, end, -1, attempt.directory.last_words()};
    ended.message = fmt::format("{}{}{}", attempt.story, ended.message.empty() ? "" : "\n", ended.message);
    // Killed here and now; one that was lost may have been so for long.
    ended.seconds = attempt.directory.seconds_since_claim(/*until_last_output=*/end == proto::LOST);
    tell(attempt, ended);
  }

  void tell(Attempt& attempt, const Ended& ended) {
    ended_.insert(attempt.key);
    attempt.next.reset();
    attempt.shim = {};
    options_.on_ended(ended);
  }

  // Not in finish(), whose callers still hold the attempt.
  void forget_ended() {
    std::erase_if(attempts_, [this](const auto& entry) { return ended_.contains(entry.first); });
  }

  LocalExecutorOptions options_;
  const Descriptor wake_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  bool stopping_ = false;
  std::map<AttemptKey, Attempt> attempts_;  // under way
  std::set<AttemptKey> ended_;
  std::thread thread_;
};

}  // namespace

std::vector<int> usable_cores() {
  return allowed_cores();
}

std::unique_ptr<Executor> make_local_executor(LocalExecutorOptions options) {
  CHECK(options.on_ended != nullptr, "nobody to tell the ends to");
  return std::make_unique<LocalExecutor>(std::move(options));
}

}  // namespace lockstep
