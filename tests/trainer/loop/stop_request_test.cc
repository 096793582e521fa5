// A signal that asks for a stop does not touch the stack of those who compute.
#include "trainer/loop/stop_request.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr int kLost = 1, kWithoutSignal = 2;

// Keeps values where oneDNN's kernels keep some, from 136 to 2048 bytes below the stack pointer, for about ten
// microseconds. Returns whether they are still there.
bool keeps_values_below_the_stack() {
  bool kept = false;
  asm volatile(
      "movabs $0x5a5a5a5a5a5a5a5a, %%rax\n"
      "lea -2048(%%rsp), %%rdi\n"
      "mov $239, %%ecx\n"
      "rep stosq\n"
      "mov $10000, %%ecx\n"
      "1: dec %%ecx\n"
      "jnz 1b\n"
      "lea -2048(%%rsp), %%rdi\n"
      "mov $239, %%ecx\n"
      "repe scasq\n"
      "sete %0\n"
      : "=r"(kept)
      :
      : "rax", "rcx", "rdi", "memory", "cc");
  return kept;
}

void install_ordinary_handler() {
  struct sigaction action = {};
  action.sa_handler = [](int) { request_stop(); };
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
}

// The exit code of a process that computes under a rain of SIGUSR1.
int outcome_under_signals(const std::function<void()>& install) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    clear_stop_request();
    install();
    CHECK(write(ready[1], "r", 1) == 1);
    bool kept = true;
    for (int i = 0; i < 50'000 && kept; ++i) kept = keeps_values_below_the_stack();
    _exit(!kept ? kLost : stop_requested() ? 0 : kWithoutSignal);
  }
  char byte = 0;
  CHECK(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  close(ready[1]);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    kill(child, SIGUSR1);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StopRequest, ComesWithoutInterruptingComputation) {
  EXPECT_EQ(outcome_under_signals(block_stop_signals), 0);
}

TEST(StopRequest, NegativeControlAnOrdinaryHandlerDoes) {
  EXPECT_EQ(outcome_under_signals(install_ordinary_handler), kLost);
}

}  // namespace
}  // namespace lockstep
