#include "trainer/comm/heartbeat.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <new>
#include <thread>

#include <sys/prctl.h>
#include <unistd.h>

#include "storage/base/status.h"
#include "trainer/comm/hang_report.h"

namespace lockstep {
namespace {

constexpr int kPhaseBits = 8;

// A rank's note in shared memory.
struct SharedNote {
  std::atomic<std::int64_t> position{0};  // step and phase in one word
  std::atomic<std::int64_t> written_ns{0};
  std::atomic<std::int64_t> alive_ns{0};  // by the watchdog at each tick
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // the same clock in every process of a host
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double seconds_since(const std::atomic<std::int64_t>& time_ns) {
  return static_cast<double>(now_ns() - time_ns.load(std::memory_order_relaxed)) * 1e-9;
}

class SharedHeartbeat final : public Heartbeat {
 public:
  SharedHeartbeat(Communicator& communicator, double timeout_seconds)
      : rank_(communicator.rank()), first_local_(communicator.first_local()), ranks_(communicator.size()) {
    for (std::byte* const bytes : communicator.allocate_shared(sizeof(SharedNote))) {
      notes_.push_back(reinterpret_cast<SharedNote*>(bytes));
    }
    mine_ = new (notes_[static_cast<std::size_t>(rank_ - first_local_)]) SharedNote;
    note(Phase::kStart, 0);
    mine_->alive_ns = now_ns();
    communicator.local_barrier();
    if (timeout_seconds > 0) watchdog_ = std::thread([this, timeout_seconds] { watch(timeout_seconds); });
  }
  ~SharedHeartbeat() override {
    if (!watchdog_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    watchdog_.join();
  }
  void note(Phase phase, std::int64_t step) override {
    mine_->position.store(step << kPhaseBits | static_cast<std::int64_t>(phase), std::memory_order_relaxed);
    beat();
  }
  void beat() override { mine_->written_ns.store(now_ns(), std::memory_order_relaxed); }

 private:
  static RankNote read(const SharedNote& note) {
    const std::int64_t position = note.position.load(std::memory_order_relaxed);
    return {static_cast<Phase>(position & ((1 << kPhaseBits) - 1)), position >> kPhaseBits,
            seconds_since(note.written_ns), seconds_since(note.alive_ns)};
  }
  void watch(double timeout_seconds);
  [[noreturn]] void end_process() const;

  const int rank_;
  const int first_local_;
  const int ranks_;
  std::vector<SharedNote*> notes_;
  SharedNote* mine_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread watchdog_;
};

// Counts its own ticks instead of reading the clock: a job that was stopped and continued as a whole (SIGSTOP, a
// suspended machine) does not look hung.
void SharedHeartbeat::watch(double timeout_seconds) {
  constexpr int kTicks = 20;
  const auto tick = std::chrono::duration<double>(timeout_seconds / kTicks);
  std::int64_t last_written = -1;
  int silent_ticks = 0;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, tick, [this] { return stopped_; })) {
    mine_->alive_ns.store(now_ns(), std::memory_order_relaxed);
    const std::int64_t written = mine_->written_ns.load(std::memory_order_relaxed);
    silent_ticks = written == last_written ? silent_ticks + 1 : 0;
    last_written = written;
    if (silent_ticks >= kTicks && read(*mine_).phase != Phase::kEnd) end_process();
  }
}

// Writes past the log and stdio: the hung thread may hold their locks.
void SharedHeartbeat::end_process() const {
  std::vector<RankNote> notes;
  notes.reserve(notes_.size());
  for (const SharedNote* const note : notes_) notes.push_back(read(*note));
  const std::string text = hang_report(rank_, first_local_, ranks_, notes) + "\n";
  const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(written);  // nothing is left to be done about an error
  _exit(exit_code(hung("")));
}

}  // namespace

std::unique_ptr<Heartbeat> Heartbeat::make(Communicator& communicator, double timeout_seconds) {
  return std::make_unique<SharedHeartbeat>(communicator, timeout_seconds);
}

void die_with_parent() {
  const pid_t parent = getppid();
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl: errno {}", errno);
  if (getppid() != parent) raise(SIGKILL);  // it died before the request
}

}  // namespace lockstep
