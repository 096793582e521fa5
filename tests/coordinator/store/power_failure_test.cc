// The power fails before or behind any sync, and behind the last acknowledgement: what was acknowledged is there. The
// controls open the same store while SQLite is told to pass over `PRAGMA synchronous`: events are lost.
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/coordinator/store/disk_image.h"
#include "tests/coordinator/store/own_sync.h"
#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

constexpr int kCommits = 20;

// A store that runs, and what a power failure would leave of it at every sync.
class PowerFailure : public testing::Test {
 protected:
  PowerFailure() {
    std::filesystem::create_directory(state_);
    before_sync = [this] {
      fail();
      return true;
    };
    after_good_sync = [this](int descriptor) {
      image_.sync(descriptor);
      fail();
    };
  }
  ~PowerFailure() override { let_syncs_be(); }

  // Commits, closes the store, and opens it again for more; the power fails all the time.
  void run() {
    for (int opened = 0; opened < 2; ++opened) {
      const std::unique_ptr<Store> store = open_store(state_ / "log.sqlite");
      for (int i = 0; i < kCommits; ++i) {
        Commit commit = commit_of({evaluated("s1", 0, i), evaluated("s1", 1, i)});
        commit.points.push_back(point("s1", 0, 1, i, 1.0));
        ASSERT_TRUE(commit_one(*store, std::move(commit)).ok());
        acknowledged_ = store->last_revision();
        fail();
      }
    }
    let_syncs_be();
  }

  struct Loss {
    std::int64_t events = 0;  // acknowledged, in the worst case
    int damaged = 0;          // logs that do not open, or are not whole
  };
  Loss loss() {
    Loss loss;
    for (const auto& [directory, acknowledged] : left_) {
      StatusOr<std::unique_ptr<Store>> store = open_sqlite_store(directory / "log.sqlite");
      const bool whole = store.ok() && (*store)->verify().ok();
      loss.damaged += whole ? 0 : 1;
      loss.events = std::max(loss.events, acknowledged - (whole ? (*store)->last_revision() : 0));
    }
    return loss;
  }

  std::size_t failures() const { return left_.size(); }

 private:
  void fail() {
    const std::filesystem::path directory = directory_.path() / std::to_string(left_.size());
    std::filesystem::create_directory(directory);
    image_.fail(state_, directory, chance_);
    left_.emplace_back(directory, acknowledged_);
  }

  void let_syncs_be() {
    before_sync = nullptr;
    after_good_sync = nullptr;
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path state_ = directory_ / "state";
  DiskImage image_;
  std::mt19937 chance_{1};
  std::int64_t acknowledged_ = 0;
  std::vector<std::pair<std::filesystem::path, std::int64_t>> left_;
};

TEST_F(PowerFailure, NothingAcknowledgedIsLost) {
  run();
  EXPECT_GT(failures(), 4U * kCommits);
  const Loss it = loss();
  EXPECT_EQ(it.events, 0);
  EXPECT_EQ(it.damaged, 0);
}

// Every connection that is opened while it lives has this mode, whatever it is told.
class Synchronous {
 public:
  explicit Synchronous(const char* mode) {
    mode_ = mode;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(set));
  }
  Synchronous(const Synchronous&) = delete;
  Synchronous& operator=(const Synchronous&) = delete;
  ~Synchronous() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(set)); }

 private:
  static int set(sqlite3* connection, char**, const void*) {
    const std::string sql = fmt::format("PRAGMA synchronous = {}", mode_);
    const int code = sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr);
    sqlite3_set_authorizer(connection, pass_over, nullptr);
    return code;
  }
  static int pass_over(void*, int action, const char* pragma, const char*, const char*, const char*) {
    const bool it_is = action == SQLITE_PRAGMA && std::string_view(pragma) == "synchronous";
    return it_is ? SQLITE_IGNORE : SQLITE_OK;
  }

  static inline const char* mode_ = nullptr;
};

class PowerFailureControl : public PowerFailure, public testing::WithParamInterface<const char*> {};

TEST_P(PowerFailureControl, WithoutSyncsEventsAreLost) {
  {
    const Synchronous mode(GetParam());
    run();
  }
  EXPECT_GT(loss().events, 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, PowerFailureControl, testing::Values("OFF", "NORMAL"),
                         [](const auto& mode) { return std::string(mode.param); });

}  // namespace
}  // namespace lockstep
