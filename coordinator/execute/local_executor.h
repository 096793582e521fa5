// Attempts as processes of this host, each under a shim of its own (shim.h) that outlives this process.
//
// What it does for an attempt follows from what is in its directory (attempt_directory.h) and in the process table:
//   attempt.pbtxt, other token   it is of a log that is gone, and left as it is: LOST
//   exit.pbtxt                   it has EXITED
//   a claim, its shim alive      wait for the shim's end
//   a claim, its shim dead       kill what is left of its session, then it is LOST
//   no claim, a shim alive       wait for that shim's end
//   no claim, none started here  start a shim: whoever claims first starts the job, so a second shim does no harm
//   no claim, one started here   claim it so that nobody can start it any more; it is LOST
// and the same is asked again whenever a shim ends. Ends are noticed by pidfds, at once.
// Threads: one of its own, which calls on_ended; all files, starts and signals are there too, in the order of the
// calls. Destroying it carries out the calls made so far and leaves running attempts running; no on_ended after that.
// Fault points: "serve.start" (before a shim is started), "serve.started" (behind it).
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "coordinator/execute/executor.h"

namespace lockstep {

struct LocalExecutorOptions {
  std::filesystem::path shim;  // the program lockstep-shim
  OnEnded on_ended;
  std::vector<int> cores;  // none: those that this process may use
};

// Cores that this process may use.
std::vector<int> usable_cores();

std::unique_ptr<Executor> make_local_executor(LocalExecutorOptions options);

}  // namespace lockstep
