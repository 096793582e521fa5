// lockstep train: one rank of a training run.
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "launch/command/process_group.h"
#include "launch/command/usage.h"
#include "storage/base/log.h"
#include "storage/base/printable.h"
#include "storage/base/status.h"
#include "trainer/comm/heartbeat.h"
#include "trainer/comm/mpi_communicator.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/trainer.h"

namespace {

constexpr const char* kExamples = R"(
Examples:
  mpirun -n 2 lockstep train launch/jobs/fashion_mnist.job.pbtxt --out runs/first
  mpirun -n 4 lockstep train JOB.pbtxt --set optimizer.sgd.momentum=0.95 --set epochs=20
  lockstep train JOB.pbtxt --set 'parameters[0]={ match: "convolution_1/*" frozen: true }'   # adds one where there are none
  lockstep train JOB.pbtxt --init-from runs/first/checkpoints/step-000003744.h5 --out runs/second

The same command again resumes at the newest good checkpoint in --out, on any number of ranks.
To stop with a checkpoint: kill -USR1 PID-OF-MPIRUN.
Exit codes: 0 done, 2 bad configuration, 3 bad data, 4 diverged, 69 this machine cannot, 74 could not read or write here,
75 stopped at a checkpoint, 86 a rank hangs.)";

struct Arguments {
  lockstep::TrainOptions options;
  bool verbose = false;
};

// Returns the exit code when the program is to end here.
std::optional<int> parse(int argc, char** argv, bool speaks, Arguments& arguments) {
  using lockstep::ProgressStyle;
  CLI::App app("Trains the network of a job file by data parallelism; start one process a core with mpirun.",
               "lockstep train");
  app.footer(kExamples);
  app.add_option("job", arguments.options.job,
                 "Job file (text proto; proto/job.proto and what it imports have every field)")
      ->required();
  app.add_option("--set", arguments.options.overrides, "PATH=VALUE: changes one field of the job; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--out", arguments.options.out, "Output directory (default: runs/<job name>)");
  app.add_option("--init-from", arguments.options.init_from, "Checkpoint whose weights the run starts with");
  app.add_option("--attempt", arguments.options.attempt,
                 "File of a trial's attempt: the run reports to a coordinator (`lockstep serve` starts runs so)");
  const std::map<std::string, ProgressStyle> styles = {
      {"auto", ProgressStyle::kAutomatic}, {"line", ProgressStyle::kLine}, {"plain", ProgressStyle::kPlain}};
  app.add_option("--progress", arguments.options.progress, "One line written over, or plain lines: auto, line, plain")
      ->transform(CLI::CheckedTransformer(styles));
  app.add_flag("--verbose", arguments.verbose, "Log to standard error too");
  return lockstep::parse_arguments(app, argc, argv, speaks);
}

int run(int argc, char** argv) {
  using namespace lockstep;
  block_stop_signals();
  Arguments arguments;  // here the time limit begins
  if (started_as_rank()) die_with_parent();
  StatusOr<ProcessGroup> group = ProcessGroup::join();
  if (!group.ok()) {
    std::fprintf(stderr, "lockstep train: %s\n", printable_lines(std::string(group.status().message())).c_str());
    return exit_code(group.status());
  }
  Communicator& communicator = group->communicator();
  const int rank = communicator.rank();
  Status status = group->check_same_command("lockstep train", argc, argv);
  if (status.ok()) {
    if (const auto code = parse(argc, argv, rank == 0, arguments)) return end_program(Output::kResult, *code);
    configure_log(rank, arguments.verbose);
    status = group->check_tasks_of_slurm();
  }
  if (status.ok()) status = train(communicator, arguments.options);
  if (!status.ok() && rank == 0) {
    std::fprintf(stderr, "lockstep train: %s\n", printable_lines(std::string(status.message())).c_str());
  }
  return exit_code(status);
}

}  // namespace

int main(int argc, char** argv) {
  return lockstep::run_rank_program("lockstep train", lockstep::Output::kByTheWay, argc, argv, run);
}
