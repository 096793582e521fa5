// verify() finds what was changed behind the store's back.
#include <gtest/gtest.h>

#include "tests/coordinator/store/raw_database.h"
#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

// A store with the whole story, changed by `sql` and looked at.
Status verify_after(const std::string& sql) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  Commit commit = whole_story();
  commit.points.push_back(point("s1", 0, 1, 10, 1.0));
  CHECK(commit_one(*open_store(file), commit).ok());
  RawDatabase(file).run(sql);
  return open_store(file)->verify();
}

struct Change {
  const char* name;
  const char* sql;
  const char* message;
};

void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

class Verify : public testing::TestWithParam<Change> {};

TEST_P(Verify, FindsIt) {
  const Status status = verify_after(GetParam().sql);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find(GetParam().message), std::string::npos) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Changes, Verify,
    testing::Values(Change{"Sweep", "UPDATE sweeps SET state = 'SWEEP_RUNNING'", "table sweeps"},
                    Change{"Trial", "UPDATE trials SET parameters = '{}'", "table trials"},
                    Change{"AttemptToken", "UPDATE attempts SET token = 'mine'", "table attempts"},
                    Change{"AttemptEnd", "UPDATE attempts SET ended = 0", "table attempts"},
                    Change{"SmallestDifference", "UPDATE evaluations SET loss = loss + 2.3e-16", "table evaluations"},
                    Change{"MissingRow", "DELETE FROM checkpoints", "table checkpoints"},
                    Change{"OneRowMore", "INSERT INTO decisions VALUES (99, 0, 's1', 0, 'x', 'y')", "table decisions"},
                    Change{"Gap", "DELETE FROM events WHERE revision = 5", "expected revision 5, got 6"},
                    Change{"FirstEvent", "DELETE FROM events WHERE revision = 1", "expected revision 1, got 2"},
                    Change{"TornEvent", "UPDATE events SET event = substr(event, 1, 3) WHERE revision = 2",
                           "event 2 does not parse"},
                    Change{"EmptyEvent", "UPDATE events SET event = x'' WHERE revision = 2", "event 2 is of no kind"},
                    Change{"EventOfAnotherTime", "UPDATE events SET time_ms = 7 WHERE revision = 3",
                           "event 3: its row says"},
                    Change{"EventOfAnotherKind", "UPDATE events SET kind = 'evaluated' WHERE revision = 3",
                           "event 3: its row says"}),
    [](const auto& change) { return change.param.name; });

TEST(VerifyControl, AChangeThatTheEventsDoNotSayIsNone) {
  EXPECT_TRUE(verify_after("SELECT 1").ok()) << verify_after("SELECT 1");
  EXPECT_TRUE(verify_after("UPDATE attempts SET last_seq = 9").ok());
}

TEST(Verify, AMissingEventStopsReading) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  CHECK(commit_one(*open_store(file), whole_story()).ok());
  RawDatabase(file).run("DELETE FROM events WHERE revision = 3");
  const std::unique_ptr<Store> store = open_store(file);
  int read = 0;
  const auto count = [&](const proto::Event&) { ++read; };
  EXPECT_TRUE(absl::IsInternal(store->read_events(0, count)));
  EXPECT_EQ(read, 2);
  EXPECT_TRUE(absl::IsInternal(store->find_request("a").status()));  // and the store gives nothing more
}

}  // namespace
}  // namespace lockstep
