// The threads of this process that compute: as many as the job says, whatever the environment says. Kernels are made
// for a number of threads and wait for all of them, for ever if need be; and the bits depend on that number.
// Threads: call from the thread that builds and runs the network.
#pragma once

#include <string>

namespace lockstep {

// Overrides OMP_DYNAMIC, OMP_NUM_THREADS and OMP_MAX_ACTIVE_LEVELS, starts the threads, and has them flush denormal
// numbers to zero. Returns why a team of so many cannot be had, with the variable that forbids it and its value; empty
// when it is there. Two things cannot be overridden, since libgomp reads them when it is loaded: OMP_THREAD_LIMIT, and
// OMP_STACKSIZE below what kernels need.
std::string take_threads(int threads);

}  // namespace lockstep
