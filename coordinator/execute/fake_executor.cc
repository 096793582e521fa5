#include "coordinator/execute/fake_executor.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {

FakeExecutor::FakeExecutor(std::vector<int> cores, OnEnded on_ended)
    : cores_(std::move(cores)), on_ended_(std::move(on_ended)) {
  CHECK(on_ended_ != nullptr, "nobody to tell the ends to");
}

void FakeExecutor::ensure(const AttemptKey& key, const std::filesystem::path& directory,
                          const proto::AttemptFile& attempt) {
  if (has_end_.contains(key)) return;
  if (under_way_.try_emplace(key, Started{directory, attempt}).second) started_.push_back(key);
}

bool FakeExecutor::was_started(const std::filesystem::path& directory) const {
  return std::any_of(under_way_.begin(), under_way_.end(),
                     [&](const auto& entry) { return entry.second.directory == directory; });
}

void FakeExecutor::ask_to_stop(const AttemptKey& key) {
  const auto found = under_way_.find(key);
  if (found != under_way_.end()) found->second.asked_to_stop = true;
}

void FakeExecutor::kill(const AttemptKey& key, proto::AttemptEnd why) {
  if (!under_way_.contains(key)) return;
  killed_.emplace_back(key, why);
  end({key, why, -1, "it was killed"});
}

void FakeExecutor::end_with_code(const AttemptKey& key, int exit_code, std::string message) {
  end({key, proto::EXITED, exit_code, std::move(message)});
}

void FakeExecutor::lose(const AttemptKey& key, std::string message) {
  end({key, proto::LOST, -1, std::move(message)});
}

void FakeExecutor::end(Ended ended) {
  CHECK(under_way_.contains(ended.key), "no attempt {} of trial {} is under way", ended.key.attempt, ended.key.trial);
  if (has_end_.insert(ended.key).second) to_deliver_.push_back(std::move(ended));
}

int FakeExecutor::deliver() {
  int count = 0;
  for (; !to_deliver_.empty(); ++count) {
    const Ended ended = std::move(to_deliver_.front());
    to_deliver_.pop_front();
    under_way_.erase(ended.key);
    on_ended_(ended);
  }
  return count;
}

}  // namespace lockstep
