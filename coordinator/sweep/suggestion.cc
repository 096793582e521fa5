#include "coordinator/sweep/suggestion.h"

#include "coordinator/search/space.h"
#include "coordinator/sweep/evidence.h"

namespace lockstep {

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
  const bool looks = looks_at_trials(sweep.spec.search(), SearchSpace(sweep.spec.parameter()));
  Evidence known = looks ? evidence(sweep, number) : Evidence();
  return {.sweep = sweep.id,
          .trial = number,
          .search = sweep.spec.search(),
          .parameters = sweep.spec.parameter(),
          .seed = sweep.spec.seed(),
          .observations = std::move(known.trials),
          .basis = std::move(known.basis)};
}

Suggestion answer(const Question& question) {
  Suggestion suggestion =
      suggest(question.search, SearchSpace(question.parameters), question.observations, question.seed, question.trial);
  if (!question.basis.empty()) suggestion.reason += "; " + question.basis;
  return suggestion;
}

bool counts(const State& state, const std::string& sweep, int trial) {
  const Sweep* const found = state.find(sweep);
  return found != nullptr && found->state == proto::SWEEP_RUNNING &&
         found->trials.size() == static_cast<std::size_t>(trial);
}

}  // namespace lockstep
