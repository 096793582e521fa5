// The ranks this process belongs to: those that mpirun started, or itself alone when nobody started it as a rank (then
// MPI is not touched).
#pragma once

#include <memory>
#include <string_view>

#include "launch/command/program.h"
#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/mpi_communicator.h"

namespace lockstep {

class ProcessGroup {
 public:
  // Names the rank in messages and the log. Errors: those of MpiSession::create.
  static StatusOr<ProcessGroup> join();
  Communicator& communicator() { return session_ ? session_->communicator() : *alone_; }
  // Whether all ranks were started as the same program with the same arguments: what they do together they do alike,
  // and the files are rank 0's. Collective; first of all. Errors: bad_configuration on every rank.
  Status check_same_command(std::string_view program, int argc, const char* const* argv);
  // Whether this process is alone though Slurm started several tasks: srun without the process management that this MPI
  // knows starts as many lone runs, which would all write into one directory. Errors: bad_configuration.
  Status check_tasks_of_slurm();

 private:
  std::unique_ptr<MpiSession> session_;
  std::unique_ptr<Communicator> alone_;
};

// run_program for a program that may be a rank: an exception, on whatever thread, ends all ranks where it is thrown,
// once its words are printed. To unwind would enter collective calls and wait there for the others.
int run_rank_program(const char* name, Output output, int argc, char** argv, Body body);

}  // namespace lockstep
