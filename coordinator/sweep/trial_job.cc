#include "coordinator/sweep/trial_job.h"

#include "coordinator/search/space.h"
#include "storage/base/text_proto.h"
#include "storage/task/chosen_by.h"

namespace lockstep {

void check_trial_job(const proto::Job& job, Faults& faults) {
  check_limits(job, faults);
  check_splits(job.data(), faults);
  if (job.slices() > 0 && job.batch() % job.slices() != 0) {
    faults.add("slices", fmt::format("expected a divisor of batch ({}), got {}", job.batch(), job.slices()));
  }
}

StatusOr<proto::Job> trial_job(const Sweep& sweep, const Trial& trial) {
  proto::Job job = sweep.spec.job();
  Faults faults;
  set_all_by_path(overrides(sweep.spec.parameter(), trial.assignments), job, faults);
  check_trial_job(job, faults);
  job.set_name(fmt::format("{}-{}", sweep.id, trial.number));
  // A sweep of a version that knew no validation split goes on to choose by the test split.
  if (!job.data().has_validation()) job.mutable_data()->set_validation("");
  job.mutable_checkpoint()->set_every_epochs(1);
  job.mutable_checkpoint()->set_keep_last(0);
  const Status status = faults.status(fmt::format("trial {}", trial.number));
  if (!status.ok()) return status;
  return job;
}

std::filesystem::path trial_directory(const std::string& sweep, int trial) {
  return fmt::format("sweeps/{}/trial-{:05}", sweep, trial);
}

std::filesystem::path attempt_directory(const Sweep& sweep, const Trial& trial, const Attempt& attempt) {
  return trial_directory(sweep.id, trial.number) / fmt::format("attempt-{:03}", attempt.number);
}

std::filesystem::path checkpoint_path(const Sweep& sweep, const Trial& trial, std::int64_t step) {
  return trial_directory(sweep.id, trial.number) / "run/checkpoints" / fmt::format("step-{:09}.h5", step);
}

std::vector<std::string> attempt_arguments(const Runner& runner, const std::filesystem::path& state_directory,
                                           const Sweep& sweep, const Trial& trial, const Attempt& attempt) {
  std::vector<std::string> arguments;
  if (sweep.spec.ranks() > 1) {
    arguments = runner.mpirun;
    arguments.insert(arguments.end(), {"-n", std::to_string(sweep.spec.ranks())});
  }
  const std::filesystem::path directory = state_directory / trial_directory(sweep.id, trial.number);
  const std::filesystem::path file = state_directory / attempt_directory(sweep, trial, attempt) / "attempt.pbtxt";
  arguments.insert(arguments.end(), {runner.trainer, (directory / "job.pbtxt").string(), "--out",
                                     (directory / "run").string(), "--attempt", file.string(), "--progress", "plain"});
  if (attempt.until_epoch > 0) {
    arguments.insert(arguments.end(), {"--set", fmt::format("execution.stop_after_epochs={}", attempt.until_epoch)});
  }
  return arguments;
}

}  // namespace lockstep
