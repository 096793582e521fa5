// The file: opened again, by others, of other versions; and its tables as people see them.
#include <array>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "coordinator/store/file_system.h"
#include "coordinator/store/schema.h"
#include "tests/coordinator/store/raw_database.h"
#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class StoreFile : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_ / "log.sqlite";
};

TEST_F(StoreFile, OpenedAgainItGoesOn) {
  {
    const std::unique_ptr<Store> store = open_store(file_);
    Commit commit = commit_of({submitted("s1"), planned("s1", 0, 1, "first")});
    commit.request = StoredRequest{.id = "id", .hash = "h", .response = "r"};
    commit.points.push_back(point("s1", 0, 1, 10, 1.5));
    ASSERT_TRUE(commit_one(*store, commit).ok());
    Commit heartbeat;
    heartbeat.fence = ReportFence{.sweep = "s1", .trial = 0, .attempt = 1, .token = "first", .seq = 5};
    ASSERT_TRUE(commit_one(*store, heartbeat).ok());
  }
  const std::unique_ptr<Store> store = open_store(file_);
  EXPECT_EQ(store->last_revision(), 2);
  EXPECT_EQ(events_after(*store, 1).at(0).attempt_planned().token(), "first");
  EXPECT_EQ((*store->find_request("id"))->response, "r");
  EXPECT_EQ(points_of(*store, "s1", 0).at(0).loss, 1.5);
  Commit report = commit_of({evaluated("s1", 0, 1)});
  report.fence = ReportFence{.sweep = "s1", .trial = 0, .attempt = 1, .token = "first", .seq = 5};
  EXPECT_TRUE(absl::IsAborted(commit_one(*store, report)));
  report.fence->seq = 6;
  EXPECT_TRUE(commit_one(*store, report).ok());
  EXPECT_EQ(store->last_revision(), 3);
}

TEST_F(StoreFile, IsOpenOnce) {
  std::unique_ptr<Store> store = open_store(file_);
  const auto expect_refused = [&] {
    const Status status = open_sqlite_store(file_).status();
    EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
    EXPECT_NE(status.message().find("is open already"), std::string::npos) << status;
    return absl::IsAlreadyExists(status) ? 0 : 1;
  };
  expect_refused();
  EXPECT_EQ(run_in_child("", expect_refused), 0);
  ASSERT_TRUE(commit_one(*store, commit_of({submitted("s1")})).ok());
  EXPECT_EQ(run_in_child("", expect_refused), 0);
  store.reset();
  EXPECT_TRUE(open_sqlite_store(file_).ok());
}

TEST_F(StoreFile, ANewerOneIsRefusedAndLeftAlone) {
  open_store(file_).reset();
  RawDatabase(file_).run("PRAGMA user_version = 1000");
  const Status status = open_sqlite_store(file_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const std::string expected =
      fmt::format("schema version 1000, but this program knows versions up to {}", migrations().size());
  EXPECT_NE(status.message().find(expected), std::string::npos) << status;
  EXPECT_EQ(RawDatabase(file_).run("PRAGMA user_version"), "1000\n");
}

TEST_F(StoreFile, ADatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  RawDatabase(file_).run("CREATE TABLE a (b)");
  const Status status = open_sqlite_store(file_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("of another program"), std::string::npos) << status;
  EXPECT_EQ(RawDatabase(file_).run("SELECT name FROM sqlite_schema"), "a\n");
  EXPECT_EQ(RawDatabase(file_).run("PRAGMA journal_mode"), "delete\n");
}

TEST_F(StoreFile, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(file_) << std::string(5000, 'x');
  const Status status = open_sqlite_store(file_).status();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_NE(status.message().find("the database is corrupt"), std::string::npos) << status;
}

TEST_F(StoreFile, AFolderThatIsNotThereIsAnError) {
  const Status status = open_sqlite_store(directory_.path() / "none" / "log.sqlite").status();
  EXPECT_EQ(exit_code(status), 74) << status;
}

TEST_F(StoreFile, TablesSayWhatTheEventsDo) {
  ASSERT_TRUE(commit_one(*open_store(file_), whole_story()).ok());
  RawDatabase database(file_);
  EXPECT_EQ(database.run("PRAGMA application_id; PRAGMA user_version; PRAGMA journal_mode"), "1280262987\n3\nwal\n");
  EXPECT_EQ(database.run("SELECT * FROM sweeps"), "s1|name of s1|SWEEP_STOPPED|asked to|1000|1\n");
  EXPECT_EQ(database.run("SELECT trial, state, reason, bracket, json_extract(parameters, '$.rate'), "
                         "json_extract(parameters, '$.kind') FROM trials"),
            "0|TRIAL_RUNNING|attempt 1|0|0.1|the \"big\" one\n\n");
  EXPECT_EQ(database.run("SELECT attempt, token, last_seq, ended, cores, planned_ms, attached_ms, outcome, exit_code "
                         "FROM attempts"),
            "1|first|0|1|0,3|1000|1500|EXITED|75\n");
  EXPECT_EQ(database.run("SELECT * FROM evaluations"), "s1|0|1|100|1.25|0.5\n");
  EXPECT_EQ(database.run("SELECT * FROM metrics"), "s1|0|1|f1/a b|0.25\n");
  EXPECT_EQ(database.run("SELECT * FROM checkpoints"), "s1|0|100|1||s1/0/step-000000100.h5|1|1\n");
  EXPECT_EQ(database.run("SELECT revision, trial, what, reason FROM decisions"),
            "2|0|created|a random draw\n3|0|attempt 1|cores are free\n4|0|TRIAL_RUNNING|attempt 1\n"
            "7|0|stop at epoch 1|0.5 is below the median 0.7\n11|0|checkpoint 100 deleted|not among the best\n"
            "12||SWEEP_STOPPED|asked to\n");
  EXPECT_EQ(database.run("SELECT kind FROM events WHERE revision < 3"), "sweep_submitted\ntrial_created\n");
}

// Made by this program when version 1 was the newest: whole_story(), a request and two points.
TEST_F(StoreFile, Version1IsRead) {
  std::ostringstream dump;
  dump << std::ifstream(VERSION_1_SQL).rdbuf();
  RawDatabase(file_).run(dump.str());
  ASSERT_EQ(RawDatabase(file_).run("PRAGMA user_version"), "1\n");
  const std::unique_ptr<Store> store = open_store(file_);
  EXPECT_EQ(store->last_revision(), 13);
  EXPECT_EQ(events_after(*store, 0).at(0).sweep_submitted().spec().name(), "name of s1");
  EXPECT_EQ(events_after(*store, 2).at(0).attempt_planned().token(), "first");
  EXPECT_EQ((*store->find_request("id"))->response, "response");
  ASSERT_EQ(points_of(*store, "s1", 0).size(), 1U);
  EXPECT_EQ(points_of(*store, "s1", 0)[0].loss, 0.5);
  EXPECT_TRUE(store->verify().ok()) << store->verify();
  EXPECT_TRUE(commit_one(*store, commit_of({submitted("s2")})).ok());
  EXPECT_EQ(store->last_revision(), 14);
}

// Made likewise when version 2 was the newest; and a second sweep, which goes on with a metric that version 2 has not.
TEST_F(StoreFile, Version2IsReadAndGoesOn) {
  std::ostringstream dump;
  dump << std::ifstream(VERSION_2_SQL).rdbuf();
  RawDatabase(file_).run(dump.str());
  ASSERT_EQ(RawDatabase(file_).run("PRAGMA user_version"), "2\n");
  const std::unique_ptr<Store> store = open_store(file_);
  EXPECT_EQ(store->last_revision(), 16);
  const proto::Event before = events_after(*store, 15).at(0);
  EXPECT_EQ(before.evaluated().accuracy(), 0.5);
  EXPECT_EQ(before.evaluated().metric_size(), 0);
  EXPECT_TRUE(store->verify().ok()) << store->verify();
  EXPECT_TRUE(commit_one(*store, commit_of({evaluated("s2", 0, 2)})).ok());
  EXPECT_EQ(events_after(*store, 16).at(0).evaluated().metric(0).name(), "f1/a b");
  EXPECT_TRUE(store->verify().ok()) << store->verify();
}

class Migration : public StoreFile {
 protected:
  // With scripts of which each is a migration.
  Status migrate_with(std::span<const char* const> scripts) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::open(file_));
    ASSIGN_OR_RETURN(const int version, schema_version(*database, static_cast<int>(scripts.size())));
    return migrate(*database, version, scripts);
  }
  static constexpr std::array<const char*, 3> kScripts = {"CREATE TABLE a (b); INSERT INTO a VALUES (1)",
                                                          "ALTER TABLE a ADD COLUMN c DEFAULT 2",
                                                          "UPDATE a SET b = 3; INSERT INTO none VALUES (1)"};
};

TEST_F(Migration, OnlyWhatIsMissingIsDone) {
  ASSERT_TRUE(migrate_with(std::span(kScripts).first(1)).ok());
  ASSERT_TRUE(migrate_with(std::span(kScripts).first(2)).ok());
  ASSERT_TRUE(migrate_with(std::span(kScripts).first(2)).ok());
  EXPECT_EQ(RawDatabase(file_).run("PRAGMA user_version; SELECT * FROM a"), "2\n1|2\n");
  EXPECT_TRUE(absl::IsInvalidArgument(migrate_with(std::span(kScripts).first(1))));
}

TEST_F(Migration, OneThatFailsLeavesTheVersionBefore) {
  EXPECT_TRUE(absl::IsInternal(migrate_with(kScripts)));
  EXPECT_EQ(RawDatabase(file_).run("PRAGMA user_version; SELECT * FROM a"), "2\n1|2\n");
}

TEST(FileSystem, NetworkFileSystemsAreKnown) {
  EXPECT_EQ(network_file_system(0x6969), "NFS");
  EXPECT_EQ(network_file_system(0x0BD00BD0), "Lustre");
  EXPECT_EQ(network_file_system(0x47504653), "GPFS");
  EXPECT_EQ(network_file_system(0xEF53), "");      // ext4
  EXPECT_EQ(network_file_system(0x01021994), "");  // tmpfs
}

}  // namespace
}  // namespace lockstep
