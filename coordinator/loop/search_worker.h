// One thread that answers what searches are asked, in the order of the questions, so that the loop does not wait for
// them.
// Threads: ask() from any.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "coordinator/sweep/suggestion.h"

namespace lockstep {

class SearchWorker {
 public:
  using OnAnswer = std::function<void(Suggestion)>;

  SearchWorker();
  // Ends with the answer that is under way; further questions have none.
  ~SearchWorker();

  // `on_answer` is called once, on the worker's thread.
  void ask(Question question, OnAnswer on_answer);

 private:
  void answer_all();

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::pair<Question, OnAnswer>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace lockstep
