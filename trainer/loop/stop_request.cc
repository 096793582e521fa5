#include "trainer/loop/stop_request.h"

#include <atomic>
#include <csignal>

#include "storage/base/status.h"

namespace lockstep {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

void on_signal(int) {
  requested = true;
}

}  // namespace

void install_stop_handler() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGUSR1, &action, nullptr) == 0 && sigaction(SIGTERM, &action, nullptr) == 0);
}

bool stop_requested() {
  return requested;
}
void request_stop() {
  requested = true;
}
void clear_stop_request() {
  requested = false;
}

}  // namespace lockstep
