// Runs a function in a forked child, as what kills a process must not kill the test.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/status.h"

namespace lockstep {

// How a child ended: exit code, or minus the signal that killed it. The child has LOCKSTEP_FAULT set to `fault`; it
// exits with what `body` returns. Requires: this process has visited no fault point, which would have read the
// variable.
inline int run_in_child(const char* fault, const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    ::setenv("LOCKSTEP_FAULT", fault, 1);
    _exit(body());
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace lockstep
