// Errors of the world around a commit: they stay, and what was accepted before is on disk.
// This process visits no fault point itself (see child_process.h): only children commit.
#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

// Exit codes of children.
constexpr int kTaken = 0;
constexpr int kStays = 10;
constexpr int kDoesNotStay = 11;

// Whether every call now returns the error.
bool stays(Store& store, const Status& error) {
  Commit commit = commit_of({submitted("later")});
  return store.commit({&commit, 1}).status() == error && store.read_events(0, [](const proto::Event&) {}) == error &&
         store.find_request("a").status() == error && store.read_points("s1", 0, [](const MetricPoint&) {}) == error &&
         store.verify() == error;
}

// Commits an event, and a second one, at which the world fails or not.
int commit_twice(Store& store) {
  CHECK(commit_one(store, commit_of({submitted("s1")})).ok());
  Commit commit = commit_of({submitted("s2")});
  const Status status = store.commit({&commit, 1}).status();
  if (status.ok()) return kTaken;
  return exit_code(status) == 74 && stays(store, status) ? kStays : kDoesNotStay;
}

struct Point {
  const char* name;
  std::int64_t events;  // on disk, when the second visit fails
};

void PrintTo(const Point& point, std::ostream* out) {
  *out << point.name;
}

class StoreFault : public testing::TestWithParam<Point> {
 protected:
  std::string fault(const char* action) const { return fmt::format("{}:2:{}", GetParam().name, action); }
  int commit_to_file(const std::string& fault) const {
    return run_in_child(fault.c_str(), [&] { return commit_twice(*open_store(file_)); });
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_ / "log.sqlite";
};

TEST_P(StoreFault, AnErrorStays) {
  EXPECT_EQ(commit_to_file(fault("fail")), kStays);
  const std::unique_ptr<Store> store = open_store(file_);
  EXPECT_EQ(store->last_revision(), GetParam().events);
  EXPECT_TRUE(store->verify().ok());
}

TEST_P(StoreFault, AnErrorStaysInMemory) {
  EXPECT_EQ(run_in_child(fault("fail").c_str(), [] { return commit_twice(*make_memory_store()); }), kStays);
}

TEST_P(StoreFault, AKillLeavesWholeCommits) {
  EXPECT_EQ(commit_to_file(fault("kill")), -SIGKILL);
  const std::unique_ptr<Store> store = open_store(file_);
  EXPECT_EQ(store->last_revision(), GetParam().events);
  EXPECT_TRUE(store->verify().ok());
}

TEST_P(StoreFault, WithoutAFaultBothAreTaken) {
  EXPECT_EQ(commit_to_file(""), kTaken);
  EXPECT_EQ(open_store(file_)->last_revision(), 2);
}

INSTANTIATE_TEST_SUITE_P(Points, StoreFault, testing::Values(Point{"serve.commit", 1}, Point{"serve.committed", 2}),
                         [](const auto& point) { return std::string(point.param.name).substr(6); });

// Commits until a file may not grow any more, or so many times; tells in `told` how many were accepted.
int commit_under_limit(const std::filesystem::path& file, const std::filesystem::path& told, rlim_t most_bytes) {
  const std::unique_ptr<Store> store = open_store(file);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {.rlim_cur = most_bytes, .rlim_max = most_bytes};
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  for (std::int64_t accepted = 0; accepted < 300; ++accepted) {
    Commit commit = commit_of({evaluated("s1", 0, static_cast<int>(accepted + 1))});
    commit.points.push_back(point("s1", 0, 1, accepted, 1.0));
    const Status status = store->commit({&commit, 1}).status();
    if (!status.ok()) return exit_code(status) == 74 && stays(*store, status) ? kStays : kDoesNotStay;
    std::ofstream(told) << accepted + 1;
  }
  return kTaken;
}

std::int64_t number_in(const std::filesystem::path& file) {
  std::int64_t number = 0;
  std::ifstream(file) >> number;
  return number;
}

TEST(StoreFullDisk, TheErrorStaysAndAllThatWasAcceptedIsThere) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  EXPECT_EQ(run_in_child("", [&] { return commit_under_limit(file, directory / "told", 1 << 20); }), kStays);
  const std::int64_t accepted = number_in(directory / "told");
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 300);
  const std::unique_ptr<Store> store = open_store(file);
  EXPECT_GE(store->last_revision(), accepted);
  EXPECT_LE(store->last_revision(), accepted + 1);
  EXPECT_GE(static_cast<std::int64_t>(points_of(*store, "s1", 0).size()), accepted);
  EXPECT_TRUE(store->verify().ok()) << store->verify();
}

TEST(StoreFullDiskControl, WithoutALimitAllAreTaken) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  EXPECT_EQ(run_in_child("", [&] { return commit_under_limit(file, directory / "told", RLIM_INFINITY); }), kTaken);
  EXPECT_EQ(open_store(file)->last_revision(), 300);
}

}  // namespace
}  // namespace lockstep
