// Tells which rank hangs. Every rank notes its phase and step; a watchdog thread in each rank looks at its own note,
// and when that is older than the time-out it writes which rank is behind, as far as shared memory shows it, and ends
// the process with exit code 86. Ranks in kEnd are not watched. Time in which the job is stopped as a whole does not
// count.
// Threads: note() from the training thread; the watchdog never calls MPI.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
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
  Heartbeat(Communicator& communicator, double timeout_seconds);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Two stores and a look at the clock; never blocks.
  void note(Phase phase, std::int64_t step);
  // Work on what was noted last goes on. As cheap; from the thread that notes.
  void beat();

 private:
  struct SharedNote;
  void watch(double timeout_seconds);
  [[noreturn]] void end_process() const;

  const int rank_;
  const int first_local_;
  const int ranks_;
  std::vector<SharedNote*> notes_;  // of the local ranks, in shared memory
  SharedNote* mine_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread watchdog_;
};

// Kills this process when its parent dies (PR_SET_PDEATHSIG): mpirun puts each rank in a process group of its own, and
// a killed mpirun would leave them behind. Call first in main of a rank (started_as_rank() in mpi_communicator.h); a
// process that a person started should outlive its shell.
void die_with_parent();

}  // namespace lockstep
