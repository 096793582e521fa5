#include "trainer/loop/stop_request.h"

#include <atomic>
#include <csignal>
#include <thread>

#include "storage/base/status.h"

namespace lockstep {
namespace {

std::atomic<bool> requested{false};

}  // namespace

void install_stop_handler() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  std::thread([signals] {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0) requested = true;
  }).detach();
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
