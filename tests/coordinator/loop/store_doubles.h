// Stores that lack a protection, for negative controls: before a real one, they spoil what they hand on.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "coordinator/store/store.h"

namespace lockstep {

class StoreDouble : public Store {
 public:
  explicit StoreDouble(std::shared_ptr<Store> real) : real_(std::move(real)) {}

  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override { return real_->commit(commits); }
  Status read_events(std::int64_t after_revision, std::int64_t at_most,
                     const std::function<void(const proto::Event&)>& on_event) override {
    return real_->read_events(after_revision, at_most, on_event);
  }
  std::int64_t last_revision() const override { return real_->last_revision(); }
  Status read_fences(const std::function<void(const ReportFence&)>& on_fence) override {
    return real_->read_fences(on_fence);
  }
  StatusOr<std::optional<StoredRequest>> find_request(const std::string& id) override {
    return real_->find_request(id);
  }
  Status read_points(const std::string& sweep, int trial,
                     const std::function<void(const MetricPoint&)>& on_point) override {
    return real_->read_points(sweep, trial, on_point);
  }
  Status verify() override { return real_->verify(); }

 protected:
  const std::shared_ptr<Store> real_;
};

// Looks at no fence.
class UnfencedStore : public StoreDouble {
 public:
  using StoreDouble::StoreDouble;

  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    for (Commit& commit : commits) commit.fence.reset();
    return real_->commit(commits);
  }
};

// Says of a commit that plans an attempt, and of those behind it, that they are durable, and writes them at the next
// call. Requires: none is refused.
class LateStore : public StoreDouble {
 public:
  using StoreDouble::StoreDouble;

  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    std::vector<Commit> now = std::exchange(late_, {});
    for (const Commit& commit : commits) {
      const bool plans = std::any_of(commit.events.begin(), commit.events.end(),
                                     [](const proto::Event& event) { return event.has_attempt_planned(); });
      (late_.empty() && !plans ? now : late_).push_back(commit);
    }
    RETURN_IF_ERROR(real_->commit(now).status());
    return std::vector<Status>(commits.size());
  }
  std::int64_t last_revision() const override {
    std::int64_t revision = real_->last_revision();
    for (const Commit& commit : late_) revision += static_cast<std::int64_t>(commit.events.size());
    return revision;
  }

 private:
  std::vector<Commit> late_;
};

}  // namespace lockstep
