// lockstep bench: how fast the training step is on this machine, and where its time goes.
// Exit codes: 0; 1 a built-in network with a slow kernel; 2 usage or a model that does not fit; 3 missing data of a
// job.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "launch/command/bench_print.h"
#include "launch/command/failure.h"
#include "launch/command/process_group.h"
#include "launch/command/subject.h"
#include "launch/command/usage.h"
#include "storage/base/log.h"
#include "storage/base/printable.h"
#include "storage/base/text_proto.h"
#include "trainer/comm/heartbeat.h"

namespace lockstep {
namespace {

constexpr const char* kExamples = R"(Examples:
  mpirun -n 2 lockstep bench --model resnet18 --stem small --batch 128
  mpirun -n 2 lockstep bench --model vgg16 --batch 16 --precision bf16 --json
  mpirun -n 2 lockstep bench --model launch/jobs/fashion_mnist.job.pbtxt --set slices=4
  mpirun -n 2 lockstep bench --reduce
  mpirun -n 2 lockstep bench --model launch/jobs/fashion_mnist.job.pbtxt --data

Rows are made up. Shares are of the peak of multiply-adds, measured before and after on all ranks at once; work counts
by the direct algorithm, so that Winograd may pass 100 %. Bind one rank to a core, as launch/mpirun_flags does.)";

struct Arguments {
  SubjectArguments subject;
  std::string stem = "large";
  std::string precision;
  StepBenchOptions options;
  int batch = 0;
  int slices = 0;
  int threads = 0;
  bool reduce = false;
  std::size_t most_bytes = std::size_t{256} << 20;
  bool data = false;
  double seconds = 5;
  bool json = false;
};

// Slices of about 32 rows, the same number on every rank.
int default_slices(int batch, int ranks) {
  constexpr int kRows = 32;
  for (int slices = ranks; slices <= batch; slices += ranks) {
    if (batch % slices == 0 && batch / slices <= kRows) return slices;
  }
  return ranks;
}

// What --set and the options that are short forms of it set, in this order.
std::vector<std::string> settings(const Arguments& arguments) {
  std::vector<std::string> all = arguments.subject.overrides;
  if (arguments.batch > 0) all.push_back(fmt::format("batch={}", arguments.batch));
  if (arguments.slices > 0) all.push_back(fmt::format("slices={}", arguments.slices));
  if (arguments.threads > 0) all.push_back(fmt::format("execution.threads_per_rank={}", arguments.threads));
  if (arguments.precision == "fp32") all.emplace_back("execution.precision=FP32");
  if (arguments.precision == "bf16") all.emplace_back("execution.precision=BF16");
  return all;
}

StatusOr<JobDraft> make_job(const Arguments& arguments, int ranks, const Subject& subject) {
  JobDraft draft = subject.draft;
  proto::Job& job = draft.job;
  const bool is_job = subject.kind == Subject::Kind::kJob;
  if (!is_job) {
    job.set_batch(64 * ranks);
    job.mutable_schedule()->mutable_constant()->set_learning_rate(1e-3F);
    job.mutable_optimizer()->set_weight_decay(5e-4F);
    job.mutable_data()->set_path("none");  // rows are made up
    job = parse_job(job_text(job), draft.file).job;
  }
  const std::vector<std::string> all = settings(arguments);
  set_all_by_path(all, job, draft.faults);  // of a job file those of --set again
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  const bool sliced =
      std::any_of(all.begin(), all.end(), [](const std::string& it) { return it.starts_with("slices="); });
  if (!sliced && (!is_job || arguments.batch > 0)) job.set_slices(default_slices(job.batch(), ranks));
  check_limits(job, draft.faults);
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  if (job.batch() % job.slices() != 0) {
    return bad_configuration(
        fmt::format("slices: expected a divisor of batch ({}), got {}", job.batch(), job.slices()));
  }
  return draft;
}

Status check_kernels(const StepBenchResult& result) {
  std::string slow;
  for (const StepTime& kernel : result.kernels) {
    if (kernel.is_slow) slow += fmt::format("\n  {} {}: {}", kernel.layer, kernel.pass, kernel.kernel);
  }
  return slow.empty() ? OkStatus() : Status(absl::StatusCode::kInternal, "oneDNN has only slow kernels for" + slow);
}

Status bench_rows(Communicator& communicator, const Arguments& arguments) {
  const SubjectArguments& subject = arguments.subject;
  ASSIGN_OR_RETURN(const JobDraft draft, read_job(subject.target, subject.overrides));
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  ASSIGN_OR_RETURN(const LoaderTiming timing, bench_loader(communicator, draft.job, arguments.seconds));
  if (communicator.rank() == 0) print_loader(communicator.size(), timing, arguments.json);
  return OkStatus();
}

Status bench_sums(Communicator& communicator, const Arguments& arguments) {
  const std::vector<ReductionTiming> timings = bench_reduction(communicator, arguments.most_bytes);
  if (communicator.rank() == 0) print_reductions(communicator.size(), timings, arguments.json);
  return OkStatus();
}

Status bench(Communicator& communicator, Arguments& arguments) {
  if (arguments.reduce) return bench_sums(communicator, arguments);
  if (arguments.data) return bench_rows(communicator, arguments);
  std::string& target = arguments.subject.target;
  if (arguments.stem == "small") target += "_small";
  ASSIGN_OR_RETURN(const Subject subject, find_subject(arguments.subject));
  ASSIGN_OR_RETURN(JobDraft draft, make_job(arguments, communicator.size(), subject));
  arguments.options.image = subject.image;
  arguments.options.classes = subject.classes;
  ASSIGN_OR_RETURN(const StepBenchResult result, bench_step(communicator, std::move(draft), arguments.options));
  if (communicator.rank() == 0) {
    (arguments.json ? print_step_json : print_step_text)(target, arguments.options, result);
  }
  const Status fast = check_kernels(result);
  if (fast.ok() || subject.kind == Subject::Kind::kZoo) return fast;
  if (communicator.rank() == 0) log_warning("{}", std::string(fast.message()));
  return OkStatus();
}

// Returns the exit code when the program is to end here.
std::optional<int> parse(int argc, char** argv, bool speaks, Arguments& arguments) {
  CLI::App app("How fast the training step is on this machine, and where its time goes.", "lockstep bench");
  app.footer(kExamples);
  CLI::Option* const model =
      app.add_option("--model", arguments.subject.target,
                     "Name of a built-in network (lockstep model ls), a model file (*.model.pbtxt), or a job file");
  app.add_option("--stem", arguments.stem, "First layers of a ResNet: large (for 224x224) or small (for 32x32)")
      ->check(CLI::IsMember({"large", "small"}));
  app.add_option("--set", arguments.subject.overrides, "PATH=VALUE: changes one field of the job; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--image", arguments.subject.image,
                 "HEIGHTxWIDTHxCHANNELS (default: what the network is usually trained on, or the job's data)");
  app.add_option("--classes", arguments.subject.classes, "Number of classes (default: likewise)")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--batch", arguments.batch, "Rows of a step over all ranks (default: 64 a rank, or the job's)")
      ->check(CLI::Range(1, 1048576));
  app.add_option("--slices", arguments.slices, "Parts of a batch (default: parts of at most 32 rows, or the job's)")
      ->check(CLI::Range(1, 65536));
  app.add_option("--threads", arguments.threads, "Threads of a rank (default: 1, or the job's)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--precision", arguments.precision, "fp32 or bf16 (default: fp32, or the job's)")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--steps", arguments.options.steps, "Steps that are measured")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--warm-up", arguments.options.warm_up_steps, "Steps before them")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_flag("--reduce", arguments.reduce,
               "In place of a step: the sum of one array over ranks, by each way there is");
  app.add_option("--most-bytes", arguments.most_bytes, "Largest array of --reduce")
      ->check(CLI::Range(std::size_t{4}, std::size_t{1} << 32))
      ->capture_default_str();
  app.add_flag("--data", arguments.data, "In place of a step: the loader of a job alone, on its own data")
      ->needs(model);
  app.add_option("--seconds", arguments.seconds, "How long --data reads")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", arguments.json, "One JSON object on one line");
  if (const auto code = lockstep::parse_arguments(app, argc, argv, speaks)) return *code;
  if (arguments.subject.target.empty() && !arguments.reduce) {
    const Status missing = bad_configuration("--model NAME|JOB or --reduce is needed; --help says more");
    return speaks ? report_failure("lockstep bench", missing) : exit_code(missing);
  }
  return std::nullopt;
}

int run(int argc, char** argv) {
  if (started_as_rank()) die_with_parent();
  StatusOr<ProcessGroup> group = ProcessGroup::join();
  Status status = group.status();
  int rank = 0;
  if (status.ok()) {
    rank = group->communicator().rank();
    status = group->check_same_command("lockstep bench", argc, argv);
  }
  if (status.ok()) {
    Arguments arguments;
    if (const auto code = parse(argc, argv, rank == 0, arguments)) return *code;
    configure_log(rank, /*verbose=*/false);
    status = bench(group->communicator(), arguments);
  }
  return rank == 0 ? report_failure("lockstep bench", status) : exit_code(status);
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_rank_program("lockstep bench", lockstep::Output::kResult, argc, argv, lockstep::run);
}
