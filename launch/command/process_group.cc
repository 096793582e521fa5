#include "launch/command/process_group.h"

#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include <unistd.h>

#include "launch/command/failure.h"
#include "trainer/loop/agreement.h"

namespace lockstep {
namespace {

constexpr unsigned kPatienceSeconds = 10;

// Called where an exception is thrown that nobody catches, before anything is unwound.
[[noreturn]] void end_all_ranks() {
  const std::exception_ptr exception = std::current_exception();
  if (exception == nullptr) std::abort();
  const int code = explain(exception);
  alarm(kPatienceSeconds);  // in case that MPI does not come to an end either
  MpiSession::abort_all(code);
}

}  // namespace

StatusOr<ProcessGroup> ProcessGroup::join() {
  ProcessGroup group;
  if (started_as_rank()) {
    ASSIGN_OR_RETURN(group.session_, MpiSession::create());
    set_rank_for_messages(group.communicator().rank());
  } else {
    group.alone_ = make_solo_communicator();
  }
  return group;
}

Status ProcessGroup::check_same_command(std::string_view program, int argc, const char* const* argv) {
  std::string mine(program);
  for (int i = 1; i < argc; ++i) mine += fmt::format(" {}", argv[i]);
  std::string first = mine;
  share_text(communicator(), first);
  Status status;
  if (first != mine) {
    status = bad_configuration(
        fmt::format("expected the command of rank 0, `{}`, got `{}`: the ranks of one mpirun work on one job; start "
                    "each job by an mpirun of its own",
                    first, mine));
  }
  return agree(communicator(), status);
}

Status ProcessGroup::check_tasks_of_slurm() {
  if (communicator().size() > 1 || std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return OkStatus();
  for (const char* variable : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    const char* const value = std::getenv(variable);
    if (value == nullptr) continue;
    if (std::atoi(value) <= 1) return OkStatus();
    return bad_configuration(fmt::format(
        "{}={}, but this process is alone: MPI does not know the other tasks, and each would train by itself "
        "in the same directory. Start it with mpirun, or srun --mpi=pmix; one process alone in an "
        "allocation: mpirun -n 1",
        variable, value));
  }
  return OkStatus();
}

int run_rank_program(const char* name, Output output, int argc, char** argv, Body body) {
  begin_program(name);
  set_failure_format(argc, argv);
  std::set_terminate(end_all_ranks);
  return end_program(output, body(argc, argv));
}

}  // namespace lockstep
