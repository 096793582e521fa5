#include "coordinator/sweep/submission.h"

#include <filesystem>

#include "coordinator/schedule/scheduler.h"
#include "coordinator/search/space.h"
#include "coordinator/sweep/trial_job.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostNameCharacters = 64;

void check_name(const std::string& name, Faults& faults) {
  if (characters(name) > kMostNameCharacters)
    faults.add("name", fmt::format("more than {} characters", kMostNameCharacters));
  if (!is_printable(name)) faults.add("name", "has control characters, or is not UTF-8");
}

// Of each domain the values at its ends; of a categorical one all.
std::vector<proto::Assignment> samples(const proto::Parameter& parameter) {
  std::vector<proto::Assignment> assignments;
  const auto add = [&](double number) {
    proto::Assignment& it = assignments.emplace_back();
    it.set_name(parameter.name());
    it.set_number(number);
  };
  if (parameter.has_float_()) {
    add(parameter.float_().min());
    add(parameter.float_().max());
  } else if (parameter.has_int_()) {
    add(static_cast<double>(parameter.int_().min()));
    add(static_cast<double>(parameter.int_().max()));
  } else if (parameter.has_discrete()) {
    for (const double value : parameter.discrete().value()) add(value);
  }
  for (const proto::Choice& choice : parameter.categorical().choice()) {
    proto::Assignment& it = assignments.emplace_back();
    it.set_name(parameter.name());
    it.set_choice(choice.name());
  }
  return assignments;
}

void check_overrides(const proto::SweepSpec& spec, Faults& faults) {
  for (int i = 0; i < spec.parameter_size(); ++i) {
    const std::string path = path_of("parameter", i);
    for (const proto::Assignment& assignment : samples(spec.parameter(i))) {
      proto::Job job = spec.job();
      Faults found;
      for (const std::string& line : overrides(spec.parameter(), {&assignment, 1})) set_by_path(line, job, found);
      if (found.empty()) check_limits(job, found);
      const Status status = found.status("job");
      if (!status.ok()) {
        faults.add(path, fmt::format("the job does not take it: {}", std::string(status.message())));
        break;
      }
    }
  }
}

void check_data(const proto::SweepSpec& spec, const Machine& machine, Faults& faults) {
  namespace fs = std::filesystem;
  const fs::path data = fs::path(spec.job().data().path()).lexically_normal();
  if (!data.is_absolute())
    return faults.add("job.data.path", fmt::format("{}: expected an absolute path", data.string()));
  std::error_code error;
  const fs::path real = fs::weakly_canonical(data, error);
  const fs::path relative = real.lexically_relative(machine.root);
  if (error || relative.empty() || *relative.begin() == "..") {
    faults.add("job.data.path",
               fmt::format("{} is outside {}, which is all that this coordinator gives to trials; start "
                           "it with another --root",
                           data.string(), machine.root));
  }
}

void choose_direction(proto::Objective& objective) {
  if (objective.has_direction()) return;
  objective.set_direction(objective.metric() == proto::LOSS ? proto::MINIMIZE : proto::MAXIMIZE);
}

}  // namespace

void complete_and_check(proto::SweepSpec& spec, const Machine& machine, Faults& faults) {
  if (spec.has_job_file())
    faults.add("job_file", "the coordinator reads no files of users: `lockstep sweep submit` does");
  if (!spec.has_job()) return faults.add("job", "is missing: the job that all trials have in common");
  spec.mutable_objective();
  spec.mutable_search();
  spec.mutable_scheduler();
  spec.mutable_limits();
  spec.mutable_retries();
  spec.mutable_retention();
  spec.mutable_job()->mutable_execution();
  spec.mutable_job()->mutable_checkpoint();
  if (spec.search().kind_case() == proto::Search::KIND_NOT_SET) spec.mutable_search()->mutable_random();
  if (spec.scheduler().kind_case() == proto::Scheduler::KIND_NOT_SET) spec.mutable_scheduler()->mutable_run_to_end();
  fill_defaults(spec);
  choose_direction(*spec.mutable_objective());
  check_limits(spec, faults);
  check_name(spec.name(), faults);
  Faults parameters;
  check_parameters(spec.parameter(), "parameter", parameters);
  check_parameters(spec.parameter(), "parameter", faults);
  if (parameters.empty()) check_overrides(spec, faults);
  check_scheduler(spec.scheduler(), spec.job().epochs(), "scheduler", faults);
  check_data(spec, machine, faults);
  const int cores = spec.ranks() * spec.job().execution().threads_per_rank();
  if (cores > machine.cores) {
    faults.add("ranks", fmt::format("a trial needs {} cores (ranks times threads), and this coordinator has {}", cores,
                                    machine.cores));
  }
  if (spec.ranks() > 0 && spec.job().slices() % spec.ranks() != 0) {
    faults.add("ranks", fmt::format("{} does not divide the job's {} slices", spec.ranks(), spec.job().slices()));
  }
}

}  // namespace lockstep
