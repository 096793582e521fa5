// SIGUSR1 and SIGTERM ask a run to stop at the next step with a checkpoint. mpirun forwards SIGUSR1 to its ranks.
#pragma once

namespace lockstep {

// Call first in main, before the ranks are connected: until then SIGUSR1 would end the process.
void install_stop_handler();
// Whether a signal has come since then, or request_stop() was called.
bool stop_requested();
// The same from inside the process. Threads: any.
void request_stop();
// Forgets a request: for programs that train several times, such as tests.
void clear_stop_request();

}  // namespace lockstep
