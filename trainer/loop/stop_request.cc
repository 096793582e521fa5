#include "trainer/loop/stop_request.h"

#include <atomic>
#include <csignal>
#include <ctime>

#include "storage/base/status.h"

namespace lockstep {
namespace {

std::atomic<bool> requested{false};

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void block_stop_signals() {
  const sigset_t signals = stop_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
}

bool stop_requested() {
  const sigset_t signals = stop_signals();
  constexpr timespec kNow{};
  while (sigtimedwait(&signals, nullptr, &kNow) > 0) requested = true;
  return requested;
}

void request_stop() {
  requested = true;
}
void clear_stop_request() {
  requested = false;
}

}  // namespace lockstep
