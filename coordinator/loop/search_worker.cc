#include "coordinator/loop/search_worker.h"

namespace lockstep {

SearchWorker::SearchWorker() : thread_([this] { answer_all(); }) {}

SearchWorker::~SearchWorker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SearchWorker::ask(Question question, OnAnswer on_answer) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(question), std::move(on_answer));
  }
  changed_.notify_one();
}

void SearchWorker::answer_all() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_) return;
    const auto [question, on_answer] = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    on_answer(answer(question));
    lock.lock();
  }
}

}  // namespace lockstep
