// SIGUSR1 and SIGTERM ask a run to stop at the next step with a checkpoint. mpirun forwards SIGUSR1 to its ranks.
//
// The signals are blocked and asked for between steps: nobody is ever interrupted. Matrix products of oneDNN (2.6, on
// AVX-512) keep pointers farther below the stack pointer than the 128 bytes that a signal's frame leaves alone, so that
// a handler, whatever it does, may have them write anywhere.
#pragma once

namespace lockstep {

// Call first in main, before there is another thread, for the threads to come must not take the signals either.
void block_stop_signals();
// Whether a signal has come since then, or request_stop() was called. A system call. Threads: any.
bool stop_requested();
// The same from inside the process. Threads: any.
void request_stop();
// Forgets a request: for programs that train several times, such as tests.
void clear_stop_request();

}  // namespace lockstep
