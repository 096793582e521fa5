#include "storage/checkpoint/directory.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Steps = std::vector<std::int64_t>;

class Directory : public testing::Test {
 protected:
  const fs::path& path() const { return directory_.path(); }

  void write(std::int64_t step) {
    const Status status = write_checkpoint(checkpoint_path(path(), step), sample_checkpoint(step));
    ASSERT_TRUE(status.ok()) << status;
  }

  void tear(std::int64_t step) { fs::resize_file(checkpoint_path(path(), step), 1000); }

  Steps steps() const {
    const StatusOr<std::vector<CheckpointFile>> files = list_checkpoints(path());
    EXPECT_TRUE(files.ok()) << files.status();
    Steps steps;
    for (const CheckpointFile& file : *files) steps.push_back(file.step);
    return steps;
  }

  // The step of the newest good one, -1 for none; files passed over are in skipped_.
  std::int64_t newest() {
    skipped_.clear();
    const auto found = newest_good_checkpoint(path(), [this](const fs::path& file, const Status& why) {
      EXPECT_FALSE(why.ok());
      skipped_.push_back(fmt::format("{}: {}", file.filename().native(), std::string(why.message())));
    });
    if (!found.ok()) {
      EXPECT_TRUE(absl::IsNotFound(found.status())) << found.status();
      return -1;
    }
    EXPECT_EQ(found->path, checkpoint_path(path(), found->checkpoint.step));
    expect_same(sample_checkpoint(found->checkpoint.step), found->checkpoint);
    EXPECT_TRUE(*encode_checkpoint(found->checkpoint) == found->bytes);
    return found->checkpoint.step;
  }

  std::vector<std::string> skipped_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(Directory, NamesSortAsNumbers) {
  EXPECT_EQ(checkpoint_path("a", 7), fs::path("a/step-000000007.h5"));
  EXPECT_EQ(checkpoint_path("a", 12345678901), fs::path("a/step-12345678901.h5"));
  for (const std::int64_t step : {12345678901, 20L, 0L, 3L}) write(step);
  for (const char* other : {"step-7.h5", "step-0000000007.h5", "step-00000000x.h5", "step-000000007.h5.tmp", "x.h5",
                            "step--00000007.h5", "step-.h5", "step-99999999999999999999999.h5"}) {
    write_text(path() / other, "x");
  }
  fs::create_directory(checkpoint_path(path(), 9));
  EXPECT_EQ(steps(), (Steps{0, 3, 20, 12345678901}));
  EXPECT_EQ(list_checkpoints(path())->front().bytes, fs::file_size(checkpoint_path(path(), 0)));
}

TEST_F(Directory, AbsentIsEmpty) {
  const StatusOr<std::vector<CheckpointFile>> files = list_checkpoints(path() / "absent");
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_TRUE(files->empty());
  EXPECT_TRUE(retain_checkpoints(path() / "absent", 1, 1, {}).ok());
  EXPECT_EQ(newest(), -1);
  write_text(path() / "file", "x");
  EXPECT_TRUE(absl::IsUnavailable(list_checkpoints(path() / "file").status()));
}

TEST_F(Directory, FallsBackOverBadOnes) {
  for (const std::int64_t step : {10, 20, 30, 40}) write(step);
  EXPECT_EQ(newest(), 40);
  EXPECT_TRUE(skipped_.empty());

  tear(40);
  EXPECT_EQ(newest(), 30);
  ASSERT_EQ(skipped_.size(), 1u);
  EXPECT_NE(skipped_[0].find("step-000000040.h5: length"), std::string::npos) << skipped_[0];

  std::fstream file(checkpoint_path(path(), 30), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(2000);
  file.put('\x55');
  file.close();
  EXPECT_EQ(newest(), 20);
  ASSERT_EQ(skipped_.size(), 2u);
  EXPECT_NE(skipped_[1].find("step-000000030.h5: SHA-256"), std::string::npos) << skipped_[1];

  fs::copy_file(checkpoint_path(path(), 10), checkpoint_path(path(), 90));
  EXPECT_EQ(newest(), 20);
  ASSERT_EQ(skipped_.size(), 3u);
  EXPECT_NE(skipped_[0].find("expected step 90 as its name says, got step 10"), std::string::npos) << skipped_[0];

  tear(20);
  tear(10);
  EXPECT_EQ(newest(), -1);
  EXPECT_EQ(skipped_.size(), 5u);
}

TEST_F(Directory, Retention) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::map<std::int64_t, double> accuracies = {{10, 0.5}, {20, 0.9}, {30, 0.9}, {40, nan}, {60, 0.7}, {70, 1.0}};
  struct Case {
    int keep_last;
    int keep_best;
    Steps kept;
  };
  const Case cases[] = {
      {0, 0, {10, 20, 30, 40, 50, 60}},    // 0: all
      {0, 1, {10, 20, 30, 40, 50, 60}},    //
      {1, 0, {60}},                        //
      {2, 0, {50, 60}},                    //
      {6, 0, {10, 20, 30, 40, 50, 60}},    //
      {100, 0, {10, 20, 30, 40, 50, 60}},  //
      {1, 1, {20, 60}},                    // of equal ones the older; step 70 is not there
      {1, 2, {20, 30, 60}},                //
      {1, 3, {20, 30, 60}},                // the third best is also the last
      {1, 4, {10, 20, 30, 60}},            //
      {1, 9, {10, 20, 30, 60}},            // none without an accuracy, none that is not a number
      {3, 1, {20, 40, 50, 60}},            //
  };
  for (const Case& example : cases) {
    for (const std::int64_t step : {10, 20, 30, 40, 50, 60}) write(step);
    const Status status = retain_checkpoints(path(), example.keep_last, example.keep_best, accuracies);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(steps(), example.kept) << example.keep_last << " " << example.keep_best;
  }
}

TEST_F(Directory, RetentionNeverDeletesTheNewestGoodOne) {
  for (const std::int64_t step : {10, 20, 30, 40, 50}) write(step);
  tear(40);
  tear(50);
  EXPECT_TRUE(retain_checkpoints(path(), 1, 0, {}).ok());
  EXPECT_EQ(steps(), (Steps{30, 50}));
  EXPECT_EQ(newest(), 30);

  write(60);
  EXPECT_TRUE(retain_checkpoints(path(), 1, 0, {}).ok());
  EXPECT_EQ(steps(), (Steps{60}));
}

TEST_F(Directory, RetentionRemovesLeftOverTemporaryFiles) {
  write(10);
  write_text(path() / "step-000000020.h5.tmp", "torn");
  write_text(path() / "notes.tmp", "not ours");
  EXPECT_TRUE(retain_checkpoints(path(), 0, 0, {}).ok());
  EXPECT_FALSE(fs::exists(path() / "step-000000020.h5.tmp"));
  EXPECT_TRUE(fs::exists(path() / "notes.tmp"));
  EXPECT_EQ(steps(), (Steps{10}));
}

}  // namespace
}  // namespace lockstep
