// Tells which rank hangs. Every rank notes its phase and step; a watchdog thread in each rank looks at its own note,
// and when that is older than the time-out it writes which rank is behind, as far as shared memory shows it, and ends
// the process with exit code 86. Ranks in kEnd are not watched. Time in which the job is stopped as a whole does not
// count.
// Threads: note() from the training thread; the watchdog never calls MPI.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

enum class Phase : std::uint32_t {
  kStart,
  kData,
  kForwardBackward,
  kReduction,
  kUpdate,
  kEvaluation,
  kCheckpoint,
  kAgreement,  // waiting for the other ranks outside the reduction
  kEnd
};

class Heartbeat {
 public:
  // Collective. timeout_seconds <= 0: no watchdog.
  static std::unique_ptr<Heartbeat> make(Communicator& communicator, double timeout_seconds);
  virtual ~Heartbeat() = default;
  // Two stores and a look at the clock; never blocks.
  virtual void note(Phase phase, std::int64_t step) = 0;
  // Work on what was noted last goes on. As cheap; from the thread that notes.
  virtual void beat() = 0;
};

// Kills this process when its parent dies (PR_SET_PDEATHSIG): mpirun puts each rank in a process group of its own, and
// a killed mpirun would leave them behind. Call first in main of a rank (started_as_rank() in mpi_communicator.h); a
// process that a person started should outlive its shell.
void die_with_parent();

}  // namespace lockstep
