// What searches are asked, one question a sweep, and their answers as long as they count.
// Threads: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coordinator/loop/search_worker.h"
#include "coordinator/sweep/suggestion.h"

namespace lockstep {

class Searches {
 public:
  using Search = std::function<void(Question, SearchWorker::OnAnswer)>;
  // Runs `work` on the loop's thread, later.
  using Later = std::function<void(std::function<void(const State&)> work)>;

  // `search` answers, on whatever thread; none: a thread of our own does.
  Searches(Search search, Later later) : search_(std::move(search)), later_(std::move(later)) {}

  // Asks for the next trial of each, unless its question is under way. True: there is an answer at once, as of a search
  // that does not learn.
  bool ask(const State& state, const std::vector<std::string>& sweeps);
  const Answers& answers() const { return answers_; }
  // Drops the answers that do not count any more.
  void forget(const State& state);
  // No answer comes any more.
  void end() { worker_.reset(); }

 private:
  void search(Question question);

  const Search search_;
  const Later later_;
  std::set<std::string> asked_;  // sweeps whose search is to answer
  Answers answers_;
  std::unique_ptr<SearchWorker> worker_;
};

}  // namespace lockstep
