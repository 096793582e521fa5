#include "trainer/comm/heartbeat.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <new>

#include <sys/prctl.h>
#include <unistd.h>

#include "storage/base/status.h"
#include "trainer/comm/hang_report.h"

namespace lockstep {
namespace {

constexpr int kPhaseBits = 8;

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // the same clock in every process of a host
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double seconds_since(const std::atomic<std::int64_t>& time_ns) {
  return static_cast<double>(now_ns() - time_ns.load(std::memory_order_relaxed)) * 1e-9;
}

}  // namespace

struct Heartbeat::SharedNote {
  std::atomic<std::int64_t> position{0};  // step and phase in one word
  std::atomic<std::int64_t> written_ns{0};
  std::atomic<std::int64_t> alive_ns{0};  // by the watchdog at each tick

  RankNote read() const {
    const std::int64_t now = position.load(std::memory_order_relaxed);
    return {static_cast<Phase>(now & ((1 << kPhaseBits) - 1)), now >> kPhaseBits, seconds_since(written_ns),
            seconds_since(alive_ns)};
  }
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

Heartbeat::Heartbeat(Communicator& communicator, double timeout_seconds)
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

Heartbeat::~Heartbeat() {
  if (!watchdog_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  watchdog_.join();
}

void Heartbeat::note(Phase phase, std::int64_t step) {
  mine_->position.store(step << kPhaseBits | static_cast<std::int64_t>(phase), std::memory_order_relaxed);
  beat();
}

void Heartbeat::beat() {
  mine_->written_ns.store(now_ns(), std::memory_order_relaxed);
}

// Counts its own ticks instead of reading the clock: a job that was stopped and continued as a whole (SIGSTOP, a
// suspended machine) does not look hung.
void Heartbeat::watch(double timeout_seconds) {
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
    if (silent_ticks >= kTicks && mine_->read().phase != Phase::kEnd) end_process();
  }
}

// Writes past the log and stdio: the hung thread may hold their locks.
void Heartbeat::end_process() const {
  std::vector<RankNote> notes;
  notes.reserve(notes_.size());
  for (const SharedNote* const note : notes_) notes.push_back(note->read());
  const std::string text = hang_report(rank_, first_local_, ranks_, notes) + "\n";
  const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(written);  // nothing is left to be done about an error
  _exit(exit_code(hung("")));
}

void die_with_parent() {
  const pid_t parent = getppid();
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl: errno {}", errno);
  if (getppid() != parent) raise(SIGKILL);  // it died before the request
}

}  // namespace lockstep
