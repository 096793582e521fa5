#include "coordinator/sweep/view.h"

#include <algorithm>
#include <map>

#include "coordinator/sweep/plan.h"
#include "coordinator/sweep/retention.h"
#include "coordinator/sweep/trial_job.h"

namespace lockstep {
namespace {

// The epochs that are left, each as long as those so far were with all that attempts did besides, on as many places as
// there are. A trial is to have the epochs that the scheduler means one to have on average; one that goes on beyond
// them, one more.
std::optional<double> eta_seconds(const Sweep& sweep, double core_seconds, int all_cores) {
  const int trials = most_trials(sweep.spec);
  const double each = expected_epochs(sweep.spec) / trials;
  int open = trials - static_cast<int>(sweep.trials.size());
  double left = open * each;
  double done = 0;
  for (const Trial& trial : sweep.trials) {
    const auto epochs = static_cast<double>(trial.evaluations.size());
    done += epochs;
    if (trial.is_ended()) continue;
    ++open;
    left += std::max(each - epochs, std::min(1.0, sweep.epochs() - epochs));
  }
  if (done == 0 || sweep.state != proto::SWEEP_RUNNING) return std::nullopt;
  const int cores = sweep.cores_per_trial();
  const int places = std::max(1, std::min({sweep.spec.limits().parallel(), all_cores / cores, open}));
  return left * core_seconds / cores / done / places;
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
  if (!options.holding.empty() && !sweep.is_ended()) it.set_holding(options.holding);
  it.set_trials(most_trials(sweep.spec));
  it.set_core_seconds(core_seconds);
  if (const auto eta = eta_seconds(sweep, core_seconds, options.cores)) it.set_eta_seconds(*eta);
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
  const Retention retention(sweep);
  for (const Trial& trial : sweep.trials) {
    const std::vector<Keep> keeps = retention.of(trial);
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
