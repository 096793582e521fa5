#include "coordinator/sweep/suggestion.h"

#include "coordinator/search/space.h"

namespace lockstep {
namespace {

std::vector<Observation> observations(const Sweep& sweep, int new_trial) {
  std::vector<Observation> found;
  const bool in_order = sweep.spec.scheduler().has_run_to_end();
  for (const Trial& trial : sweep.trials) {
    // What may be the machine's fault says nothing of parameters.
    const bool of_machine = trial.state == proto::TRIAL_FAILED && trial.evaluations.empty() &&
                            !trial.attempts.empty() && trial.attempts.back().fault == proto::FAULT_OF_MACHINE;
    if (of_machine) continue;
    Observation& it = found.emplace_back();
    it.trial = trial.number;
    it.assignments = trial.assignments;
    it.value = 0;
    it.state = Observation::State::kPending;
    if (in_order && trial.number > new_trial - sweep.spec.limits().parallel()) continue;
    if (trial.state == proto::TRIAL_INFEASIBLE || trial.state == proto::TRIAL_FAILED) {
      it.state = Observation::State::kFailed;
    } else if (const proto::Evaluated* const best = best_evaluation(sweep, trial)) {
      it.state = Observation::State::kDone;
      it.value = sweep.cost(*best);
    } else if (trial.is_ended()) {
      it.state = Observation::State::kFailed;
    }
  }
  return found;
}

}  // namespace

bool learns(const proto::Search& search) {
  return search.has_tpe() || search.has_gp();
}

bool may_ask(const Sweep& sweep) {
  if (!learns(sweep.spec.search()) || !sweep.spec.scheduler().has_run_to_end()) return true;
  const auto seen = static_cast<int>(sweep.trials.size()) - sweep.spec.limits().parallel();
  for (int i = 0; i <= seen; ++i) {
    if (!sweep.trials[static_cast<std::size_t>(i)].is_ended()) return false;
  }
  return true;
}

Question question(const Sweep& sweep) {
  const auto number = static_cast<int>(sweep.trials.size());
  return {.sweep = sweep.id,
          .trial = number,
          .search = sweep.spec.search(),
          .parameters = sweep.spec.parameter(),
          .seed = sweep.spec.seed(),
          .observations = learns(sweep.spec.search()) ? observations(sweep, number) : std::vector<Observation>()};
}

Suggestion answer(const Question& question) {
  return suggest(question.search, SearchSpace(question.parameters), question.observations, question.seed,
                 question.trial);
}

bool counts(const State& state, const std::string& sweep, int trial) {
  const Sweep* const found = state.find(sweep);
  return found != nullptr && found->state == proto::SWEEP_RUNNING &&
         found->trials.size() == static_cast<std::size_t>(trial);
}

}  // namespace lockstep
