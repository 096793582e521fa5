// The ranks of a job as threads of one process: for tests, and for machines without MPI.
#pragma once

#include <functional>

#include "trainer/comm/communicator.h"

namespace lockstep {

// Calls body(communicator) in `ranks` threads at once, one communicator each, and returns when all have ended.
// Groups of `ranks_per_host` consecutive ranks are local to each other (0: all are); groups stand for hosts.
// Requires: ranks > 0; ranks_per_host divides ranks and is a power of two, unless it is all of them.
void run_in_threads(int ranks, const std::function<void(Communicator&)>& body, int ranks_per_host = 0);

}  // namespace lockstep
