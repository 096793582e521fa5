// Every commit waits for the disk, and a sync that failed is never tried again.
#include <atomic>

#include <gtest/gtest.h>

#include "tests/coordinator/store/own_sync.h"
#include "tests/coordinator/store/raw_database.h"
#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

std::atomic<int> syncs = 0;
std::atomic<bool> syncs_fail = false;

class StoreSync : public testing::Test {
 protected:
  StoreSync() {
    before_sync = [] { return ++syncs, !syncs_fail; };
  }
  ~StoreSync() override { before_sync = nullptr; }
};

using StoreSyncControl = StoreSync;

TEST_F(StoreSync, EveryCommitIsSynced) {
  const TemporaryDirectory directory;
  const std::unique_ptr<Store> store = open_store(directory / "log.sqlite");
  for (int epoch = 1; epoch <= 20; ++epoch) {
    const int before = syncs;
    ASSERT_TRUE(commit_one(*store, commit_of({evaluated("s1", 0, epoch)})).ok());
    EXPECT_GT(syncs, before);
  }
}

TEST_F(StoreSync, ABatchIsSyncedOnce) {
  const TemporaryDirectory directory;
  const std::unique_ptr<Store> store = open_store(directory / "log.sqlite");
  commit_all(*store, {commit_of({submitted("s1")})});
  const int before = syncs;
  commit_all(*store, std::vector<Commit>(20, commit_of({evaluated("s1", 0, 1)})));
  EXPECT_EQ(syncs, before + 1);
}

TEST_F(StoreSyncControl, SQLiteAsItComesInThisModeSyncsNoCommit) {
  const TemporaryDirectory directory;
  RawDatabase database(directory / "a.sqlite");
  database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE a (b)");
  const int before = syncs;
  database.run("INSERT INTO a VALUES (1)");
  EXPECT_EQ(syncs, before);
}

TEST_F(StoreSync, ASyncThatFailedIsNotTriedAgain) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  std::unique_ptr<Store> store = open_store(file);
  ASSERT_TRUE(commit_one(*store, commit_of({submitted("s1")})).ok());
  syncs_fail = true;
  Commit commit = commit_of({submitted("s2")});
  const Status status = store->commit({&commit, 1}).status();
  EXPECT_EQ(exit_code(status), 74) << status;
  EXPECT_NE(status.message().find("disk I/O error"), std::string::npos) << status;
  const int before = syncs;
  syncs_fail = false;  // as the kernel does, which reports the loss once
  EXPECT_EQ(store->commit({&commit, 1}).status(), status);
  store.reset();
  EXPECT_EQ(syncs, before);
  store = open_store(file);
  EXPECT_GE(store->last_revision(), 1);
  EXPECT_TRUE(store->verify().ok());
}

TEST_F(StoreSyncControl, ClosingASoundStoreSyncs) {
  const TemporaryDirectory directory;
  std::unique_ptr<Store> store = open_store(directory / "log.sqlite");
  ASSERT_TRUE(commit_one(*store, commit_of({submitted("s1")})).ok());
  const int before = syncs;
  store.reset();
  EXPECT_GT(syncs, before);
}

}  // namespace
}  // namespace lockstep
