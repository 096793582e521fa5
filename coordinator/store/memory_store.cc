#include <limits>
#include <map>
#include <tuple>

#include "coordinator/store/refusal.h"
#include "coordinator/store/store.h"
#include "storage/base/fault.h"

namespace lockstep {
namespace {

class MemoryStore final : public Store {
 public:
  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    RETURN_IF_ERROR(error_);
    std::vector<Status> results;
    if (commits.empty()) return results;
    RETURN_IF_ERROR(error_ = fault_point("serve.commit"));
    for (Commit& commit : commits) results.push_back(take(commit));
    RETURN_IF_ERROR(error_ = fault_point("serve.committed"));
    return results;
  }
  Status read_events(std::int64_t after_revision, std::int64_t at_most,
                     const std::function<void(const proto::Event&)>& on_event) override {
    RETURN_IF_ERROR(error_);
    for (std::int64_t revision = after_revision; revision < last_revision() && at_most > 0; ++revision, --at_most) {
      on_event(events_[static_cast<std::size_t>(revision)]);
    }
    return OkStatus();
  }
  std::int64_t last_revision() const override { return static_cast<std::int64_t>(events_.size()); }
  Status read_fences(const std::function<void(const ReportFence&)>& on_fence) override {
    RETURN_IF_ERROR(error_);
    for (const auto& [key, attempt] : attempts_) {
      const auto& [sweep, trial, number] = key;
      if (attempt.ended) continue;
      on_fence({.sweep = sweep, .trial = trial, .attempt = number, .token = attempt.token, .seq = attempt.last_seq});
    }
    return OkStatus();
  }
  StatusOr<std::optional<StoredRequest>> find_request(const std::string& id) override {
    RETURN_IF_ERROR(error_);
    const auto found = requests_.find(id);
    if (found == requests_.end()) return std::optional<StoredRequest>();
    return std::optional(found->second);
  }
  Status read_points(const std::string& sweep, int trial,
                     const std::function<void(const MetricPoint&)>& on_point) override {
    RETURN_IF_ERROR(error_);
    for (auto at = points_.lower_bound({sweep, trial, std::numeric_limits<std::int64_t>::min()});
         at != points_.end() && std::get<0>(at->first) == sweep && std::get<1>(at->first) == trial; ++at) {
      on_point(at->second);
    }
    return OkStatus();
  }
  Status verify() override { return error_; }

 private:
  struct Attempt {
    std::string token;
    std::int64_t last_seq = 0;
    bool ended = false;
  };
  using Key = std::tuple<std::string, int, int>;

  // Nothing is changed unless the commit is accepted.
  Status take(Commit& commit) {
    if (commit.request && requests_.contains(commit.request->id)) return request_known(*commit.request);
    if (commit.fence && !admits(*commit.fence)) return fence_broken(*commit.fence);
    for (proto::Event& event : commit.events) {
      CHECK(!event.has_revision(), "an event has revision {} before it is written", event.revision());
      event.set_revision(last_revision() + 1);
      note(event);
      events_.push_back(event);
    }
    for (const MetricPoint& point : commit.points) {
      MetricPoint& newest = points_[{point.sweep, point.trial, point.step}];
      if (point.attempt >= newest.attempt) newest = point;
    }
    if (commit.request) requests_[commit.request->id] = *commit.request;
    return OkStatus();
  }
  bool admits(const ReportFence& fence) {
    const auto found = attempts_.find({fence.sweep, fence.trial, fence.attempt});
    if (found == attempts_.end()) return false;
    Attempt& attempt = found->second;
    if (attempt.token != fence.token || attempt.ended || attempt.last_seq >= fence.seq) return false;
    attempt.last_seq = fence.seq;
    return true;
  }
  void note(const proto::Event& event) {
    if (event.has_attempt_planned()) {
      const proto::AttemptPlanned& planned = event.attempt_planned();
      for (auto& [key, attempt] : attempts_) {
        const auto& [sweep, trial, number] = key;
        if (sweep == event.sweep() && trial == planned.trial() && number < planned.attempt()) attempt.ended = true;
      }
      attempts_[{event.sweep(), planned.trial(), planned.attempt()}] = {.token = planned.token()};
    } else if (event.has_attempt_ended()) {
      const proto::AttemptEnded& ended = event.attempt_ended();
      const auto found = attempts_.find({event.sweep(), ended.trial(), ended.attempt()});
      if (found != attempts_.end()) found->second.ended = true;
    }
  }

  Status error_;
  std::vector<proto::Event> events_;
  std::map<Key, Attempt> attempts_;
  std::map<std::tuple<std::string, int, std::int64_t>, MetricPoint> points_;  // the newest attempt's
  std::map<std::string, StoredRequest> requests_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace lockstep
