#include "coordinator/sweep/retention.h"

#include <algorithm>

namespace lockstep {
namespace {

// Whether the trial's result stays: always, unless the sweep has ended and names how many of its best trials it keeps.
bool result_stays(const Sweep& sweep, const Trial& trial) {
  const int most = sweep.spec.retention().keep_best_trials();
  if (!sweep.is_ended() || most == 0) return true;
  const proto::Evaluated* const own = best_evaluation(sweep, trial);
  if (own == nullptr) return false;
  int better = 0;
  for (const Trial& other : sweep.trials) {
    const proto::Evaluated* const best = best_evaluation(sweep, other);
    if (best == nullptr) continue;
    const double difference = sweep.cost(*best) - sweep.cost(*own);
    better += difference < 0 || (difference == 0 && other.number < trial.number) ? 1 : 0;
  }
  return better < most;
}

}  // namespace

std::vector<Keep> retention(const Sweep& sweep, const Trial& trial) {
  std::vector<const TrialCheckpoint*> there;
  for (const TrialCheckpoint& checkpoint : trial.checkpoints) {
    if (!checkpoint.deleted) there.push_back(&checkpoint);
  }
  const proto::Evaluated* const best = best_evaluation(sweep, trial);
  const bool result = result_stays(sweep, trial);
  std::vector<Keep> keeps;
  for (const TrialCheckpoint* const checkpoint : there) {
    Keep& keep = keeps.emplace_back();
    keep.trial = trial.number;
    keep.step = checkpoint->step;
    const bool newest = checkpoint == there.back();
    if (checkpoint->pinned) {
      keep.reason = "pinned";
    } else if (newest && (!trial.is_ended() || !sweep.is_ended())) {
      keep.reason = trial.is_ended() ? "newest of its trial; the sweep has not ended" : "the trial may go on from it";
    } else if (best != nullptr && best->step() == checkpoint->step) {
      keep.goes = !result;
      keep.reason = result ? fmt::format("best value of its trial, epoch {}", best->epoch())
                           : fmt::format("not among the {} best trials", sweep.spec.retention().keep_best_trials());
    } else if (newest && best == nullptr && result) {
      keep.reason = "newest of its trial, which has no best value";
    } else {
      keep.goes = true;
      keep.reason = "neither newest nor best of its trial";
    }
  }
  return keeps;
}

std::vector<Keep> retention(const Sweep& sweep) {
  std::vector<Keep> all;
  for (const Trial& trial : sweep.trials) {
    const std::vector<Keep> keeps = retention(sweep, trial);
    all.insert(all.end(), keeps.begin(), keeps.end());
  }
  return all;
}

Events deletions(const Sweep& sweep, const std::vector<Keep>& keeps) {
  Events events;
  for (const Keep& keep : keeps) {
    if (!keep.goes) continue;
    proto::CheckpointDeleted& event = *add_event(events, sweep.id).mutable_checkpoint_deleted();
    event.set_trial(keep.trial);
    event.set_step(keep.step);
    event.set_reason(keep.reason);
  }
  return events;
}

}  // namespace lockstep
