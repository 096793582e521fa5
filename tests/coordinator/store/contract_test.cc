// What both stores promise.
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class StoreContract : public testing::TestWithParam<bool> {
 protected:
  StoreContract() : store_(GetParam() ? open_store(directory_ / "log.sqlite") : make_memory_store()) {}

  // Trial 0 of s1 with attempt 1, whose token is "first".
  void plan_first() {
    ASSERT_TRUE(commit_one(*store_, commit_of({submitted("s1"), planned("s1", 0, 1, "first")})).ok());
  }

  static ReportFence fence(std::int64_t seq, int attempt = 1, const std::string& token = "first") {
    return {.sweep = "s1", .trial = 0, .attempt = attempt, .token = token, .seq = seq};
  }

  static Commit report(const std::optional<ReportFence>& fence) {
    Commit commit = commit_of({evaluated("s1", 0, 1)});
    commit.points.push_back(point("s1", 0, 1, 10, 2.0));
    commit.request = StoredRequest{.id = "report", .hash = "h", .response = "r"};
    commit.fence = fence;
    return commit;
  }

  // That the report is refused and nothing of it is there; without its fence it is taken.
  void expect_refused(const ReportFence& fence) {
    const std::int64_t before = store_->last_revision();
    Commit commit = report(fence);
    const auto results = store_->commit({&commit, 1});
    ASSERT_TRUE(results.ok());
    EXPECT_TRUE(absl::IsAborted(results->at(0))) << results->at(0);
    EXPECT_EQ(store_->last_revision(), before);
    EXPECT_TRUE(events_after(*store_, before).empty());
    EXPECT_TRUE(points_of(*store_, "s1", 0).empty());
    EXPECT_FALSE((*store_->find_request("report")).has_value());
    EXPECT_TRUE(commit_one(*store_, report(std::nullopt)).ok());
    EXPECT_EQ(store_->last_revision(), before + 1);
    EXPECT_EQ(points_of(*store_, "s1", 0).size(), 1U);
  }

  const TemporaryDirectory directory_;
  const std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, AnEmptyStoreHasNothing) {
  EXPECT_EQ(store_->last_revision(), 0);
  EXPECT_TRUE(events_after(*store_, 0).empty());
  EXPECT_TRUE(points_of(*store_, "s1", 0).empty());
  EXPECT_FALSE((*store_->find_request("a")).has_value());
  EXPECT_TRUE(store_->commit({})->empty());
  EXPECT_TRUE(store_->verify().ok());
}

TEST_P(StoreContract, EventsGetTheirRevisionsAndAreReadAsWritten) {
  std::vector<Commit> commits = {commit_of({submitted("s1"), created("s1", 0)}), commit_of({submitted("s2")})};
  ASSERT_TRUE(store_->commit(commits).ok());
  EXPECT_EQ(commits[0].events[0].revision(), 1);
  EXPECT_EQ(commits[0].events[1].revision(), 2);
  EXPECT_EQ(commits[1].events[0].revision(), 3);
  EXPECT_EQ(store_->last_revision(), 3);
  const std::vector<proto::Event> events = events_after(*store_, 0);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[1].SerializeAsString(), commits[0].events[1].SerializeAsString());
  EXPECT_EQ(events[2].SerializeAsString(), commits[1].events[0].SerializeAsString());
}

TEST_P(StoreContract, EventsAreReadInPages) {
  std::vector<proto::Event> many;
  for (int epoch = 1; epoch <= 10; ++epoch) many.push_back(evaluated("s1", 0, epoch));
  ASSERT_TRUE(commit_one(*store_, commit_of(many)).ok());
  std::vector<std::int64_t> read;
  ASSERT_TRUE(store_->read_events(4, 3, [&](const proto::Event& event) { read.push_back(event.revision()); }).ok());
  EXPECT_EQ(read, (std::vector<std::int64_t>{5, 6, 7}));
  EXPECT_TRUE(events_after(*store_, 10).empty());
}

TEST_P(StoreContract, ARefusedCommitLeavesNoGap) {
  plan_first();
  Commit stale = report(fence(1, 1, "another"));
  std::vector<Commit> commits = {commit_of({evaluated("s1", 0, 1)}), stale, commit_of({evaluated("s1", 0, 2)})};
  const auto results = store_->commit(commits);
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE(results->at(0).ok());
  EXPECT_TRUE(absl::IsAborted(results->at(1)));
  EXPECT_TRUE(results->at(2).ok());
  EXPECT_EQ(commits[2].events[0].revision(), 4);
  EXPECT_EQ(store_->last_revision(), 4);
  const std::vector<proto::Event> events = events_after(*store_, 2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].evaluated().epoch(), 2);
  EXPECT_TRUE(store_->verify().ok()) << store_->verify();
}

TEST_P(StoreContract, ReportsOfTheRunningAttemptAreTaken) {
  plan_first();
  Commit commit = commit_of({evaluated("s1", 0, 1)});
  commit.fence = fence(1);
  EXPECT_TRUE(commit_one(*store_, commit).ok());
  commit.fence = fence(7);  // those between are lost
  EXPECT_TRUE(commit_one(*store_, commit).ok());
  EXPECT_EQ(store_->last_revision(), 4);
}

TEST_P(StoreContract, AnotherTokenIsRefused) {
  plan_first();
  expect_refused(fence(1, 1, "another"));
}

TEST_P(StoreContract, AnAttemptThatIsNotPlannedIsRefused) {
  plan_first();
  expect_refused(fence(1, 2));
}

TEST_P(StoreContract, AnOldReportIsRefused) {
  plan_first();
  Commit heartbeat;
  heartbeat.fence = fence(5);
  ASSERT_TRUE(commit_one(*store_, heartbeat).ok());
  ASSERT_TRUE(absl::IsAborted(commit_one(*store_, heartbeat)));
  expect_refused(fence(4));
}

TEST_P(StoreContract, AnAttemptThatHasEndedIsRefused) {
  plan_first();
  ASSERT_TRUE(commit_one(*store_, commit_of({ended("s1", 0, 1)})).ok());
  expect_refused(fence(1));
}

TEST_P(StoreContract, ANewAttemptEndsThoseBefore) {
  plan_first();
  ASSERT_TRUE(commit_one(*store_, commit_of({planned("s1", 1, 1, "first"), planned("s1", 0, 2, "second")})).ok());
  Commit heartbeat;
  heartbeat.fence = fence(1, 2, "second");
  EXPECT_TRUE(commit_one(*store_, heartbeat).ok());
  heartbeat.fence->trial = 1;  // another trial's attempt goes on
  heartbeat.fence->attempt = 1;
  heartbeat.fence->token = "first";
  EXPECT_TRUE(commit_one(*store_, heartbeat).ok());
  expect_refused(fence(1));
}

TEST_P(StoreContract, AFenceSeesTheCommitsBeforeItInTheBatch) {
  Commit last = commit_of({ended("s1", 0, 1)});
  last.fence = fence(1);
  Commit late;
  late.fence = fence(2);
  const std::vector<Status> results =
      commit_all(*store_, {commit_of({submitted("s1"), planned("s1", 0, 1, "first")}), last, late});
  EXPECT_TRUE(results[1].ok()) << results[1];  // the fence is tried before the end that it brings
  EXPECT_TRUE(absl::IsAborted(results[2]));
}

TEST_P(StoreContract, ARefusedFenceMayBeUsedLater) {
  plan_first();
  Commit commit = report(fence(3));
  ASSERT_TRUE(commit_one(*store_, report(std::nullopt)).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(commit_one(*store_, commit)));
  commit.request.reset();
  EXPECT_TRUE(commit_one(*store_, commit).ok());
}

TEST_P(StoreContract, FencesOfAttemptsThatLiveAreRead) {
  const auto fences = [this] {
    std::vector<std::string> found;
    EXPECT_TRUE(store_
                    ->read_fences([&](const ReportFence& it) {
                      found.push_back(fmt::format("{} {} {} {} {}", it.sweep, it.trial, it.attempt, it.token, it.seq));
                    })
                    .ok());
    return found;
  };
  EXPECT_TRUE(fences().empty());
  plan_first();
  EXPECT_EQ(fences(), std::vector<std::string>{"s1 0 1 first 0"});
  EXPECT_TRUE(commit_one(*store_, report(fence(7))).ok());
  EXPECT_EQ(fences(), std::vector<std::string>{"s1 0 1 first 7"});
  Commit old = report(fence(7));
  old.request.reset();
  EXPECT_TRUE(absl::IsAborted(commit_one(*store_, std::move(old))));
  EXPECT_EQ(fences(), std::vector<std::string>{"s1 0 1 first 7"});
  EXPECT_TRUE(commit_one(*store_, commit_of({planned("s1", 0, 2, "second")})).ok());
  EXPECT_EQ(fences(), std::vector<std::string>{"s1 0 2 second 0"});
  EXPECT_TRUE(commit_one(*store_, commit_of({ended("s1", 0, 2)})).ok());
  EXPECT_TRUE(fences().empty());
}

TEST_P(StoreContract, ARequestIsFoundAndIsStoredOnce) {
  const std::string bytes("\0a\xff", 3);
  Commit commit = commit_of({submitted("s1")});
  commit.request = StoredRequest{.id = "id", .hash = bytes, .response = ""};
  Commit again = commit_of({submitted("s2")});
  again.request = StoredRequest{.id = "id", .hash = "other", .response = "other"};
  const std::vector<Status> results = commit_all(*store_, {commit, again});
  EXPECT_TRUE(results[0].ok());
  EXPECT_TRUE(absl::IsAlreadyExists(results[1])) << results[1];
  EXPECT_EQ(store_->last_revision(), 1);
  const auto found = store_->find_request("id");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->id, "id");
  EXPECT_EQ((*found)->hash, bytes);
  EXPECT_EQ((*found)->response, "");
  EXPECT_FALSE((*store_->find_request("i")).has_value());
}

TEST_P(StoreContract, PointsComeByStepFromTheNewestAttempt) {
  Commit commit;
  commit.points = {point("s1", 0, 2, 20, 0.5), point("s1", 0, 1, 30, 3.0), point("s1", 0, 1, 20, 2.0),
                   point("s1", 0, 1, 10, 1.0), point("s1", 1, 1, 10, 9.0), point("s10", 0, 1, 10, 9.0)};
  ASSERT_TRUE(commit_one(*store_, commit).ok());
  const std::vector<MetricPoint> points = points_of(*store_, "s1", 0);
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].step, 10);
  EXPECT_EQ(points[0].loss, 1.0);
  EXPECT_EQ(points[1].step, 20);
  EXPECT_EQ(points[1].attempt, 2);
  EXPECT_EQ(points[1].loss, 0.5);
  EXPECT_EQ(points[2].loss, 3.0);
  EXPECT_EQ(points[2].sweep, "s1");
  EXPECT_EQ(points[2].accuracy, 0.25);
  EXPECT_EQ(points[2].learning_rate, 0.125);
  EXPECT_EQ(points[2].images_per_second, 1000);
}

TEST_P(StoreContract, NumbersThatAreNotFiniteAreKept) {
  Commit commit = commit_of({evaluated("s1", 0, 1, NAN)});
  commit.points = {point("s1", 0, 1, 10, NAN), point("s1", 0, 1, 20, INFINITY)};
  ASSERT_TRUE(commit_one(*store_, commit).ok());
  const std::vector<MetricPoint> points = points_of(*store_, "s1", 0);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_TRUE(std::isnan(points[0].loss));
  EXPECT_EQ(points[1].loss, INFINITY);
  EXPECT_TRUE(store_->verify().ok()) << store_->verify();
}

TEST_P(StoreContract, EveryKindOfEventIsTaken) {
  Commit commit = whole_story();
  const std::size_t size = commit.events.size();
  ASSERT_TRUE(commit_one(*store_, std::move(commit)).ok());
  const std::vector<proto::Event> events = events_after(*store_, 0);
  ASSERT_EQ(events.size(), size);
  std::set<int> kinds;
  for (const proto::Event& event : events) kinds.insert(event.kind_case());
  EXPECT_EQ(static_cast<int>(kinds.size()), proto::Event::descriptor()->oneof_decl(0)->field_count());
  EXPECT_TRUE(store_->verify().ok()) << store_->verify();
}

TEST_P(StoreContract, AnEventThatHasARevisionIsABug) {
  Commit commit = commit_of({submitted("s1")});
  commit.events[0].set_revision(1);
  EXPECT_DEATH(static_cast<void>(store_->commit({&commit, 1})), "has revision 1 before it is written");
}

INSTANTIATE_TEST_SUITE_P(Both, StoreContract, testing::Bool(),
                         [](const auto& sqlite) { return sqlite.param ? "Sqlite" : "Memory"; });

}  // namespace
}  // namespace lockstep
