// lockstep eval: the loss and all metrics of a checkpoint on one split.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "launch/command/evaluation_report.h"
#include "launch/command/failure.h"
#include "launch/command/process_group.h"
#include "launch/command/usage.h"
#include "storage/base/log.h"
#include "storage/base/printable.h"
#include "storage/base/status.h"
#include "trainer/comm/heartbeat.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/resume.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/setup.h"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(
Examples:
  lockstep eval --checkpoint runs/fashion_mnist
  lockstep eval --checkpoint runs/fashion_mnist/checkpoints/step-000003744.h5 --data other.h5 --json
  mpirun -n 2 lockstep eval --checkpoint runs/fashion_mnist --split train

CKPT is a checkpoint, a directory of checkpoints, or the --out directory of a run: its newest good one is taken.
The figures are the same on any number of processes.)";

struct Arguments {
  std::filesystem::path checkpoint;
  std::filesystem::path data;
  std::string split;
  bool last_weights = false;
  bool json = false;
};

std::optional<int> parse(int argc, char** argv, bool speaks, Arguments& arguments) {
  CLI::App app(
      "Evaluates a checkpoint: loss, all metrics of its task, a table per class or label, the confusion matrix.",
      "lockstep eval");
  app.footer(kExamples);
  app.add_option("--checkpoint", arguments.checkpoint, "CKPT: file or directory")->required();
  app.add_option("--data", arguments.data, "HDF5 file (default: the one of the checkpoint's job)");
  app.add_option("--split", arguments.split,
                 "Group of the file (default: the test split of the job); of a job that holds out rows of its training "
                 "split, `validation` is those, and `train` the others");
  app.add_flag("--last-weights", arguments.last_weights,
               "The weights of the last step, where the checkpoint holds their average too");
  app.add_flag("--json", arguments.json, "One JSON object on one line");
  return lockstep::parse_arguments(app, argc, argv, speaks);
}

// The job names a file that is not there: it has moved.
Status with_advice(const Status& status, const Arguments& arguments, const std::filesystem::path& file) {
  std::error_code error;
  if (!arguments.data.empty() || std::filesystem::exists(file, error)) return status;
  return Status(status.code(), fmt::format("{}; where the data of the run have moved, say so with --data FILE.h5",
                                           std::string(status.message())));
}

StatusOr<EvaluationReport> evaluate_checkpoint(Communicator& communicator, const Arguments& arguments) {
  ASSIGN_OR_RETURN(ResumePoint point, read_and_broadcast(communicator, arguments.checkpoint));
  const Checkpoint& checkpoint = point.checkpoint;
  StatusOr<LoadedNetwork> built = load_network(communicator, checkpoint);
  RETURN_IF_ERROR(agree(communicator, built.status()));
  const LoadedNetwork& loaded = *built;
  const bool is_average = !arguments.last_weights && take_average(point.checkpoint.tensors);
  RETURN_IF_ERROR(restore_everywhere(communicator, std::move(point.checkpoint.tensors), {.network = *loaded.network}));
  proto::Data data = loaded.job.data();
  if (!arguments.data.empty()) data.clear_hold_out();  // that is of the job's own file
  const std::filesystem::path file = arguments.data.empty() ? std::filesystem::path(data.path()) : arguments.data;
  if (file.empty()) {
    return bad_configuration(
        fmt::format("{}: a network alone, which names no data: expected --data FILE.h5", point.path.string()));
  }
  const std::string split = arguments.split.empty() ? data.test() : arguments.split;
  const StatusOr<std::unique_ptr<Dataset>> rows = open_rows_for(communicator, data, file, split, checkpoint);
  if (!rows.ok()) return with_advice(rows.status(), arguments, file);
  const DatasetInfo& info = (*rows)->info();
  ImageTransform transform(info.image, info.pixel_type, checkpoint.mean, checkpoint.deviation);
  transform.take_targets(checkpoint.whole_target());
  transform.take_centre(centre_share(data), info.is_encoded);
  SliceLoader loader(**rows, std::move(transform), loaded.network->options().slice_rows, data.prefetch_batches(),
                     data.decode_threads());
  EvaluationReport report{.checkpoint = point.path.string(),
                          .data = file.string(),
                          .split = split,
                          .step = checkpoint.step,
                          .epoch = checkpoint.epoch,
                          .target = checkpoint.whole_target(),
                          .label_smoothing = loaded.job.loss().label_smoothing(),
                          .is_average = is_average,
                          .class_rows = info.class_rows,
                          .result = {}};
  StatusOr<EvaluationResult> result = evaluate(communicator, *loaded.network, loader,
                                               {.rows = info.rows,
                                                .target = learned_target(checkpoint.whole_target(), loaded.job),
                                                .confusion = info.target == TargetKind::kClass,
                                                .heartbeat = nullptr});
  RETURN_IF_ERROR(with_context(result.status(), fmt::format("{}: {}", file.string(), split)));
  report.result = *std::move(result);
  return report;
}

int run(int argc, char** argv) {
  if (started_as_rank()) die_with_parent();
  StatusOr<ProcessGroup> group = ProcessGroup::join();
  if (!group.ok()) return report_failure("lockstep eval", group.status());
  Communicator& communicator = group->communicator();
  const int rank = communicator.rank();
  if (const Status same = group->check_same_command("lockstep eval", argc, argv); !same.ok()) {
    return rank == 0 ? report_failure("lockstep eval", same) : exit_code(same);
  }
  Arguments arguments;
  if (const auto code = parse(argc, argv, rank == 0, arguments)) return *code;
  configure_log(rank, false);
  const StatusOr<EvaluationReport> report = evaluate_checkpoint(communicator, arguments);
  if (rank == 0 && report.ok()) {
    std::fputs((arguments.json ? format_json(*report) : format_table(*report)).c_str(), stdout);
  }
  return rank == 0 ? report_failure("lockstep eval", report.status()) : exit_code(report.status());
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_rank_program("lockstep eval", lockstep::Output::kResult, argc, argv, lockstep::run);
}
