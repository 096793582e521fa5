#include "coordinator/sweep/retention.h"

#include <algorithm>

namespace lockstep {
// Every trial's result stays, unless the sweep has ended and names how many of its best trials it keeps.
Retention::Retention(const Sweep& sweep) : sweep_(sweep) {
  const auto most = static_cast<std::size_t>(sweep.spec.retention().keep_best_trials());
  if (!sweep.is_ended() || most == 0) return;
  std::vector<std::pair<double, int>> ranking;  // best first; of equal ones the lower number
  for (const Trial& trial : sweep.trials) {
    const proto::Evaluated* const best = best_evaluation(sweep, trial);
    if (best != nullptr) ranking.emplace_back(sweep.cost(*best), trial.number);
  }
  const std::size_t kept = std::min(most, ranking.size());
  std::nth_element(ranking.begin(), ranking.begin() + static_cast<std::ptrdiff_t>(kept), ranking.end());
  result_stays_.resize(sweep.trials.size(), false);
  for (std::size_t i = 0; i < kept; ++i) result_stays_[static_cast<std::size_t>(ranking[i].second)] = true;
}

std::vector<Keep> Retention::of(const Trial& trial) const {
  std::vector<const TrialCheckpoint*> there;
  for (const TrialCheckpoint& checkpoint : trial.checkpoints) {
    if (!checkpoint.deleted) there.push_back(&checkpoint);
  }
  const proto::Evaluated* const best = best_evaluation(sweep_, trial);
  const bool result = result_stays_.empty() || result_stays_[static_cast<std::size_t>(trial.number)];
  std::vector<Keep> keeps;
  for (const TrialCheckpoint* const checkpoint : there) {
    Keep& keep = keeps.emplace_back();
    keep.trial = trial.number;
    keep.step = checkpoint->step;
    const bool newest = checkpoint == there.back();
    if (checkpoint->pinned) {
      keep.reason = "pinned";
    } else if (newest && (!trial.is_ended() || !sweep_.is_ended())) {
      keep.reason = trial.is_ended() ? "newest of its trial; the sweep has not ended" : "the trial may go on from it";
    } else if (best != nullptr && best->step() == checkpoint->step) {
      keep.goes = !result;
      keep.reason = result ? fmt::format("best value of its trial, epoch {}", best->epoch())
                           : fmt::format("not among the {} best trials", sweep_.spec.retention().keep_best_trials());
    } else if (newest && best == nullptr && result) {
      keep.reason = "newest of its trial, which has no best value";
    } else {
      keep.goes = true;
      keep.reason = "neither newest nor best of its trial";
    }
  }
  return keeps;
}

std::vector<Keep> retention(const Sweep& sweep, const Trial& trial) {
  return Retention(sweep).of(trial);
}

std::vector<Keep> retention(const Sweep& sweep) {
  const Retention retention(sweep);
  std::vector<Keep> all;
  for (const Trial& trial : sweep.trials) {
    const std::vector<Keep> keeps = retention.of(trial);
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
