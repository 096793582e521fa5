// Tells which rank hangs. Every rank notes its phase and step; a watchdog thread in each rank looks at its own note,
// and when that is older than the time-out it writes which rank is behind, as far as shared memory shows it, and ends
// the process with exit code 86.
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
  kEnd
};

class Heartbeat {
 public:
  // Collective. timeout_seconds <= 0: no watchdog.
  static std::unique_ptr<Heartbeat> make(Communicator& communicator, double timeout_seconds);
  virtual ~Heartbeat() = default;
  // A few nanoseconds; never blocks.
  virtual void note(Phase phase, std::int64_t step) = 0;
};

// Kills this process when its parent dies (PR_SET_PDEATHSIG): mpirun puts each rank in a process group of its own, and
// a killed mpirun would leave them behind. Call first in main.
void die_with_parent();

}  // namespace lockstep
