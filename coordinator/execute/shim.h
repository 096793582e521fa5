// The shim: a small process between the coordinator and mpirun that outlives the coordinator. It leads the session of
// all processes of its attempt, claims the attempt so that it is started once, waits for mpirun, and leaves its exit
// code.
//
// SIGUSR1 is handed to mpirun, once. SIGTERM, SIGINT and SIGHUP do nothing: an attempt is ended by SIGKILL to its
// session. mpirun dies with the shim (PR_SET_PDEATHSIG), and the ranks of lockstep-train with mpirun. Fault points:
// "shim.begin", "shim.claimed" (mpirun not yet started), "shim.started" (it runs), "shim.ended" (before its exit code
// is written), "shim.exit_written". Threads: the only one of its process.
#pragma once

#include <csignal>
#include <filesystem>

#include "storage/base/status.h"

namespace lockstep {

// Signals that the shim waits for or that do nothing to it: blocked from its first instruction on if possible.
sigset_t shim_signals();

// The whole life of a shim for the attempt in `directory` (see attempt_directory.h), with its streams set to
// output.txt. What it starts has /dev/null as input, the cores of attempt.pbtxt, and of the environment only a few
// variables. OK: mpirun has ended and exit.pbtxt says how, or somebody else has the claim and nothing was started. A
// program that cannot be executed is an exit code of 127, as in a shell; a core that does not exist one of 2. Errors:
// io_error, bad_configuration for attempt.pbtxt; there is no exit.pbtxt then.
Status run_shim(const std::filesystem::path& directory);

}  // namespace lockstep
