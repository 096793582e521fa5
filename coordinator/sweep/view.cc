#include "coordinator/sweep/view.h"

#include <algorithm>
#include <map>

#include "coordinator/sweep/plan.h"
#include "coordinator/sweep/retention.h"
#include "coordinator/sweep/trial_job.h"

namespace lockstep {
namespace {

double live_core_seconds(const Trial& trial, std::int64_t now_ms) {
  const Attempt* const attempt = trial.live_attempt();
  if (attempt == nullptr) return 0;
  return static_cast<double>(now_ms - attempt->planned_ms) * 1e-3 * static_cast<double>(attempt->cores.size());
}

// At the pace of the trials that have ended; trials that are to come count like these.
std::optional<double> eta_seconds(const Sweep& sweep, std::int64_t now_ms) {
  const auto ended =
      std::count_if(sweep.trials.begin(), sweep.trials.end(), [](const Trial& it) { return it.is_ended(); });
  if (ended == 0 || sweep.state != proto::SWEEP_RUNNING) return std::nullopt;
  const double elapsed = static_cast<double>(now_ms - sweep.submitted_ms) * 1e-3;
  const auto left = static_cast<double>(most_trials(sweep.spec) - ended);
  return elapsed / static_cast<double>(ended) * left;
}

}  // namespace

proto::SweepView view(const Sweep& sweep, const ViewOptions& options) {
  proto::SweepView it;
  it.set_sweep(sweep.id);
  it.set_name(sweep.spec.name());
  it.set_revision(sweep.revision);
  if (options.with_spec) *it.mutable_spec() = sweep.spec;
  it.set_state(sweep.state);
  it.set_reason(sweep.reason);
  it.set_submitted_ms(sweep.submitted_ms);
  if (sweep.ended_ms > 0) it.set_ended_ms(sweep.ended_ms);
  std::map<proto::TrialState, int> counts;
  double core_seconds = sweep.core_seconds;
  for (const Trial& trial : sweep.trials) {
    ++counts[trial.state];
    core_seconds += live_core_seconds(trial, options.now_ms);
  }
  for (const auto& [state, trials] : counts) {
    proto::StateCount& count = *it.add_count();
    count.set_state(state);
    count.set_trials(trials);
  }
  if (const Trial* const best = best_trial(sweep)) *it.mutable_best() = view(sweep, *best, options);
  it.set_cores(sweep.live_cores);
  it.set_all_cores(options.cores);
  it.set_trials(most_trials(sweep.spec));
  it.set_core_seconds(core_seconds);
  if (const auto eta = eta_seconds(sweep, options.now_ms)) it.set_eta_seconds(*eta);
  return it;
}

proto::TrialView view(const Sweep& sweep, const Trial& trial, const ViewOptions& options) {
  proto::TrialView it;
  it.set_trial(trial.number);
  it.set_state(trial.state);
  it.set_reason(trial.reason);
  it.mutable_assignment()->Add(trial.assignments.begin(), trial.assignments.end());
  it.set_choice_reason(trial.choice_reason);
  const std::filesystem::path root = options.state_directory;
  if (const proto::Evaluated* const best = best_evaluation(sweep, trial)) {
    const double cost = sweep.cost(*best);
    it.set_value(sweep.maximizes() ? -cost : cost);
    it.set_value_epoch(best->epoch());
    const auto found = std::find_if(trial.checkpoints.begin(), trial.checkpoints.end(),
                                    [&](const TrialCheckpoint& at) { return at.step == best->step() && !at.deleted; });
    if (found != trial.checkpoints.end()) it.set_checkpoint((root / found->path).string());
  }
  it.set_epoch(static_cast<int>(trial.evaluations.size()));
  it.set_until_epoch(trial.until_epoch > 0 ? trial.until_epoch : sweep.epochs());
  if (const Attempt* const attempt = trial.live_attempt()) {
    it.mutable_core()->Add(attempt->cores.begin(), attempt->cores.end());
  }
  it.set_attempts(static_cast<int>(trial.attempts.size()));
  for (const Attempt& attempt : trial.attempts) {
    if (attempt.ended) it.set_exit_code(attempt.exit_code);
  }
  it.set_directory((root / trial_directory(sweep.id, trial.number)).string());
  it.set_core_seconds(trial.core_seconds + live_core_seconds(trial, options.now_ms));
  it.mutable_evaluation()->Add(trial.evaluations.begin(), trial.evaluations.end());
  return it;
}

proto::CheckpointsReply checkpoints(const Sweep& sweep, const ViewOptions& options) {
  proto::CheckpointsReply reply;
  for (const Trial& trial : sweep.trials) {
    const std::vector<Keep> keeps = retention(sweep, trial);
    for (const TrialCheckpoint& checkpoint : trial.checkpoints) {
      const auto keep =
          std::find_if(keeps.begin(), keeps.end(), [&](const Keep& at) { return at.step == checkpoint.step; });
      if (keep == keeps.end()) continue;  // deleted
      proto::CheckpointView& it = *reply.add_checkpoint();
      it.set_trial(trial.number);
      it.set_attempt(checkpoint.attempt);
      it.set_step(checkpoint.step);
      if (checkpoint.parent_step) it.set_parent_step(*checkpoint.parent_step);
      it.set_path((std::filesystem::path(options.state_directory) / checkpoint.path).string());
      it.set_pinned(checkpoint.pinned);
      it.set_goes(keep->goes);
      it.set_reason(keep->reason);
    }
  }
  return reply;
}

proto::Event public_event(proto::Event event) {
  if (event.has_attempt_planned()) event.mutable_attempt_planned()->clear_token();
  return event;
}

}  // namespace lockstep
