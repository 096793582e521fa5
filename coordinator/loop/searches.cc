#include "coordinator/loop/searches.h"

#include <utility>

namespace lockstep {

bool Searches::ask(const State& state, const std::vector<std::string>& sweeps) {
  bool answered = false;
  for (const std::string& sweep : sweeps) {
    if (asked_.contains(sweep)) continue;
    Question asked = question(*state.find(sweep));
    if (learns(asked.search)) {
      asked_.insert(sweep);
      search(std::move(asked));
    } else {
      answers_[sweep] = {.trial = asked.trial, .suggestion = answer(asked)};
      answered = true;
    }
  }
  return answered;
}

// What is so when the answer comes decides whether it counts.
void Searches::search(Question question) {
  const auto on_answer = [this, sweep = question.sweep, trial = question.trial](const Suggestion& suggestion) {
    later_([this, sweep, trial, suggestion](const State& state) {
      asked_.erase(sweep);
      if (counts(state, sweep, trial)) answers_[sweep] = {.trial = trial, .suggestion = suggestion};
    });
  };
  if (search_) return search_(std::move(question), on_answer);
  if (!worker_) worker_ = std::make_unique<SearchWorker>();
  worker_->ask(std::move(question), on_answer);
}

void Searches::forget(const State& state) {
  std::erase_if(answers_, [&](const auto& it) { return !counts(state, it.first, it.second.trial); });
}

}  // namespace lockstep
