#include "coordinator/sweep/evidence.h"

#include <algorithm>
#include <limits>

#include "coordinator/schedule/rungs.h"

namespace lockstep {
namespace {

// Epochs up to which values count, and what they are called. 0 epochs: none has enough values.
struct Level {
  int epochs = 0;
  std::string name;
};

bool has_failed(const Trial& trial) {
  return trial.state == proto::TRIAL_INFEASIBLE || trial.state == proto::TRIAL_FAILED;
}

// What may be the machine's fault says nothing of parameters.
bool may_be_the_machine(const Trial& trial) {
  return trial.state == proto::TRIAL_FAILED && trial.evaluations.empty() && !trial.attempts.empty() &&
         trial.attempts.back().fault == proto::FAULT_OF_MACHINE;
}

// Of a trial that ended early, as its job's stop_when says, the last values count to the end.
int reached(const Sweep& sweep, const Trial& trial) {
  if (trial.evaluations.empty()) return 0;
  return trial.state == proto::TRIAL_COMPLETED ? sweep.epochs() : static_cast<int>(trial.evaluations.back().epoch());
}

// The best cost of the first epochs; infinity: none is a number.
double best_up_to(const Sweep& sweep, const Trial& trial, int epochs) {
  double best = std::numeric_limits<double>::infinity();
  for (const proto::Evaluated& it : trial.evaluations) {
    if (it.epoch() <= epochs) best = std::min(best, sweep.cost(it));
  }
  return best;
}

// Values that a model needs.
int enough(const Sweep& sweep) {
  const proto::Search& search = sweep.spec.search();
  const int startup = search.has_tpe() ? search.tpe().startup_trials() : search.gp().startup_trials();
  return std::max(sweep.spec.parameter_size() + 2, startup);
}

Level highest_rung(const Sweep& sweep) {
  const std::vector<int> rungs = compared_epochs(sweep.spec.scheduler(), sweep.epochs());
  const int needed = enough(sweep);
  for (std::size_t rung = rungs.size(); rung-- > 0;) {
    const auto values = std::count_if(sweep.trials.begin(), sweep.trials.end(), [&](const Trial& it) {
      return !has_failed(it) && reached(sweep, it) >= rungs[rung] && best_up_to(sweep, it, rungs[rung]) < HUGE_VAL;
    });
    if (values >= needed) {
      return {rungs[rung], fmt::format("values at {}, where {} trials have one", rung_text(rungs, rung), values)};
    }
  }
  return {0, fmt::format("no rung has {} values yet", needed)};
}

Level epochs_of_most(const Sweep& sweep) {
  std::vector<int> epochs;
  for (const Trial& trial : sweep.trials) {
    if (!has_failed(trial) && best_up_to(sweep, trial, reached(sweep, trial)) < HUGE_VAL)
      epochs.push_back(reached(sweep, trial));
  }
  const std::size_t most = std::max(epochs.size() / 2 + 1, static_cast<std::size_t>(enough(sweep)));
  if (epochs.size() < most) return {0, fmt::format("fewer than {} trials have a value yet", most)};
  std::sort(epochs.rbegin(), epochs.rend());
  const int common = epochs[most - 1];
  return {common, fmt::format("values after {}, which most trials have reached", count_text(common, "epoch"))};
}

Observation observation_of(const Sweep& sweep, const Trial& trial, bool is_known, int epochs) {
  Observation it;
  it.trial = trial.number;
  it.assignments = trial.assignments;
  if (!is_known || may_be_the_machine(trial)) return it;
  if (has_failed(trial)) {
    it.state = Observation::State::kFailed;
  } else if (epochs > 0 && reached(sweep, trial) >= epochs) {
    it.state = Observation::State::kDone;
    it.value = best_up_to(sweep, trial, epochs);
  }
  return it;
}

}  // namespace

Evidence evidence(const Sweep& sweep, int new_trial) {
  const proto::Scheduler& scheduler = sweep.spec.scheduler();
  Evidence found;
  if (!learns(sweep.spec.search())) {
    for (const Trial& trial : sweep.trials) found.trials.push_back(observation_of(sweep, trial, false, 0));
    return found;
  }
  if (!scheduler.has_run_to_end()) {
    const Level level = scheduler.has_median() ? epochs_of_most(sweep) : highest_rung(sweep);
    found.basis = level.name;
    for (const Trial& trial : sweep.trials) {
      found.trials.push_back(observation_of(sweep, trial, true, level.epochs));
    }
    return found;
  }
  for (const Trial& trial : sweep.trials) {
    const bool is_known = trial.number <= new_trial - sweep.spec.limits().parallel();
    Observation& it =
        found.trials.emplace_back(observation_of(sweep, trial, is_known, std::max(1, reached(sweep, trial))));
    const bool without_value = it.state == Observation::State::kPending && !may_be_the_machine(trial);
    if (is_known && without_value && trial.is_ended()) it.state = Observation::State::kFailed;
  }
  return found;
}

}  // namespace lockstep
