#include "coordinator/sweep/submission.h"

#include <algorithm>
#include <filesystem>

#include "coordinator/schedule/scheduler.h"
#include "coordinator/search/space.h"
#include "coordinator/sweep/overlap.h"
#include "coordinator/sweep/resolved_jobs.h"
#include "coordinator/sweep/state.h"
#include "storage/base/printable.h"
#include "storage/task/chosen_by.h"
#include "storage/task/loss.h"
#include "storage/task/metric.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostNameCharacters = 64;

void check_name(const std::string& name, Faults& faults) {
  if (characters(name) > kMostNameCharacters)
    faults.add("name", fmt::format("more than {} characters", kMostNameCharacters));
  if (!is_printable(name)) faults.add("name", "has control characters, or is not UTF-8");
}

void check_data(const proto::Job& job, const Machine& machine, std::string_view path, Faults& faults) {
  namespace fs = std::filesystem;
  const fs::path data = fs::path(job.data().path()).lexically_normal();
  if (!data.is_absolute()) return faults.add(path, fmt::format("{}: expected an absolute path", data.string()));
  std::error_code error;
  const fs::path real = fs::weakly_canonical(data, error);
  const fs::path relative = real.lexically_relative(machine.root);
  if (error || relative.empty() || *relative.begin() == "..") {
    faults.add(path, fmt::format("{} is outside {}, which is all that this coordinator gives to trials; start it with "
                                 "another --root",
                                 data.string(), machine.root));
  }
}

// Trials are compared at the ends of epochs, by the objective.
void check_evaluate(const proto::Evaluate& evaluate, const std::string& objective, std::string_view path,
                    Faults& faults) {
  const auto within = [&](std::string_view field) { return fmt::format("{}.{}", path, field); };
  if (evaluate.every_epochs() != 1) {
    faults.add(
        within("every_epochs"),
        fmt::format("expected 1 in a sweep, which compares trials after each epoch, got {}", evaluate.every_epochs()));
  }
  if (evaluate.every_steps() != 0) {
    faults.add(
        within("every_steps"),
        fmt::format("expected 0 in a sweep, which compares trials after each epoch, got {}", evaluate.every_steps()));
  }
  const auto is_told = [&](const std::string& name) { return tells(name, objective); };
  if (objective == "loss" || evaluate.metric().empty() || std::ranges::any_of(evaluate.metric(), is_told)) return;
  faults.add(within("metric"), fmt::format("expected the metric of the objective, {}, among them", objective));
}

// What of a job follows from the machine and from the job that all trials have in common.
void check_trial(const proto::SweepSpec& spec, const Machine& machine, const proto::Job& job, Faults& faults) {
  if (job.data().path() != spec.job().data().path()) check_data(job, machine, "data.path", faults);
  if (job.evaluate().SerializeAsString() != spec.job().evaluate().SerializeAsString()) {
    check_evaluate(job.evaluate(), objective_name(spec.objective()), "evaluate", faults);
  }
  const int threads = job.execution().threads_per_rank();
  const int cores = spec.job().execution().threads_per_rank();
  if (threads > cores) {
    faults.add(
        "execution.threads_per_rank",
        fmt::format("{} threads, and a rank of this sweep gets {}: as many as the job itself says; say there how "
                    "many it may be",
                    threads, cores == 1 ? "1 core" : fmt::format("{} cores", cores)));
  }
}

// Of the job itself. What its limits say has been told.
void check_common_job(const proto::Job& job, const Machine& machine, Faults& faults) {
  check_data(job, machine, "job.data.path", faults);
  if (job.slices() > 0 && job.batch() % job.slices() != 0) {
    faults.add("job.slices", fmt::format("expected a divisor of batch ({}), got {}", job.batch(), job.slices()));
  }
  if (job.execution().stop_after_epochs() > 0) {
    faults.add("job.execution.stop_after_epochs", "expected none: the scheduler says how far a trial trains");
  }
}

// The metric of the job's loss where none is given, its direction, and what the job is to tell for it.
void complete_objective(bool is_given, proto::SweepSpec& spec, Faults& faults) {
  proto::Objective& objective = *spec.mutable_objective();
  const TargetKind target = loss_info(spec.job().loss()).target;
  if (!is_given && target != TargetKind::kClass) objective.set_metric_name(std::string(chief_metric(target).name));
  const std::string name = objective_name(objective);
  if (const std::string fault = metric_fault(name, target); !fault.empty()) {
    return faults.add(objective.has_metric_name() ? "objective.metric_name" : "objective.metric", fault);
  }
  const MetricInfo& metric = *find_metric(name);
  if (metric.each && name.find('/') == std::string::npos) {
    return faults.add("objective.metric_name",
                      fmt::format("{0} is a value each: expected one of them, \"{0}/<name>\"", name));
  }
  if (!objective.has_direction()) objective.set_direction(metric.higher_is_better ? proto::MAXIMIZE : proto::MINIMIZE);
  auto& told = *spec.mutable_job()->mutable_evaluate()->mutable_metric();
  const bool is_told = std::ranges::find(told, name) != told.end();
  // By its own name, so that the trainer sees whether there is such a class or label.
  const bool is_covered = told.empty() || std::ranges::any_of(told, [&](const auto& it) { return tells(it, name); });
  if (objective.has_metric_name() && name != "loss" && !is_told && is_covered) *told.Add() = name;
  check_evaluate(spec.job().evaluate(), name, "job.evaluate", faults);
}

}  // namespace

void complete_and_check(proto::SweepSpec& spec, const Machine& machine, Faults& faults) {
  if (spec.has_job_file())
    faults.add("job_file", "the coordinator reads no files of users: `lockstep sweep submit` does");
  if (!spec.has_job()) return faults.add("job", "is missing: the job that all trials have in common");
  const bool has_objective = spec.objective().has_metric() || spec.objective().has_metric_name();
  spec.mutable_objective();
  spec.mutable_search();
  spec.mutable_scheduler();
  spec.mutable_limits();
  spec.mutable_retries();
  spec.mutable_retention();
  spec.mutable_job()->mutable_execution();
  spec.mutable_job()->mutable_checkpoint();
  spec.mutable_job()->mutable_evaluate();
  // As the trainer takes them when they are not given: what a choice leaves open is then known.
  if (spec.job().optimizer().kind_case() == proto::Optimizer::KIND_NOT_SET)
    spec.mutable_job()->mutable_optimizer()->mutable_sgd();
  if (spec.job().schedule().kind_case() == proto::Schedule::KIND_NOT_SET)
    spec.mutable_job()->mutable_schedule()->mutable_constant();
  if (spec.search().kind_case() == proto::Search::KIND_NOT_SET) spec.mutable_search()->mutable_random();
  if (spec.scheduler().kind_case() == proto::Scheduler::KIND_NOT_SET) spec.mutable_scheduler()->mutable_run_to_end();
  name_validation(*spec.mutable_job()->mutable_data());
  fill_defaults(spec);
  complete_objective(has_objective, spec, faults);
  check_limits(spec, faults);
  check_name(spec.name(), faults);
  Faults parameters;
  check_parameters(spec.parameter(), "parameter", parameters);
  check_parameters(spec.parameter(), "parameter", faults);
  if (parameters.empty()) {
    check_overlaps(spec, faults);
    check_resolved_jobs(
        spec, [&](const proto::Job& job, Faults& found) { check_trial(spec, machine, job, found); }, faults);
  }
  check_scheduler(spec.scheduler(), spec.job().epochs(), "scheduler", faults);
  check_common_job(spec.job(), machine, faults);
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
