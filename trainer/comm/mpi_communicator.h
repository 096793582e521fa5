// The ranks that mpirun (or srun) started. The only interface to MPI in the house.
#pragma once

#include <cstddef>
#include <memory>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"

namespace lockstep {

// True in a process that mpirun or srun started as a rank. Any other process may use make_solo_communicator().
bool started_as_rank();

// MPI from MPI_Init to MPI_Finalize, and the communicator of all ranks. Any MPI error ends the job with MPI's words and
// exit code 1.
//
// The local ranks are those that MPI_COMM_TYPE_SHARED groups, when the ranks of each host are consecutive and either
// the job is on one host or every host has the same power-of-two number of ranks (else the reduction's tree would not
// be the same everywhere); in any other placement a rank is alone and all goes by messages.
// Threads: MPI_THREAD_FUNNELED; only the thread that called create() may use the communicator and end the session.
class MpiSession {
 public:
  // Messages longer than largest_piece_bytes go in pieces (MPI counts are int). Requires: called once in a process;
  // a multiple of 4, at most 2^30.
  // Errors: machine_cannot when this MPI library has no MPI_THREAD_FUNNELED or cannot begin, or mpirun has no room for
  // its temporary files. Later, shared memory that cannot be had ends all ranks with exit code 69.
  static StatusOr<std::unique_ptr<MpiSession>> create(std::size_t largest_piece_bytes = std::size_t{1} << 30);
  // Collective: every rank must come here.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  Communicator& communicator() { return *communicator_; }
  // Ends all ranks, for an error that only this rank knows of; this process alone where no MPI is under way. Any
  // thread.
  [[noreturn]] static void abort_all(int exit_code);

 private:
  MpiSession() = default;
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace lockstep
