// What a run began with it keeps, and when it stops.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/file.h"
#include "tests/trainer/loop/small_job.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/plan.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/trainer.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

class GoingOnTest : public testing::Test {
 protected:
  void SetUp() override { clear_stop_request(); }
  SmallJob job_;
};

TEST_F(GoingOnTest, TheInitialWeightsArePartOfTheRun) {
  const std::vector<std::string> one = {"execution.stop_after_epochs=1"};
  ASSERT_TRUE(train_on(1, job_.options("first", {"epochs=1"})).ok());
  ASSERT_TRUE(train_on(1, job_.options("other", {"epochs=1", "seed=5"})).ok());
  TrainOptions options = job_.options("run", one);
  options.init_from = job_.directory / "first";
  ASSERT_EQ(exit_code(train_on(2, options)), 75);
  options.init_from = job_.directory / "other";
  const Status other = train_on(2, options);
  EXPECT_EQ(exit_code(other), 2) << other;
  EXPECT_NE(std::string(other.message()).find("began with other weights"), std::string::npos) << other;
  options.init_from.clear();
  EXPECT_EQ(exit_code(train_on(2, options)), 2) << "of none";
  ASSERT_EQ(exit_code(train_on(1, job_.options("fresh", one))), 75);
  TrainOptions fresh = job_.options("fresh", one);
  fresh.init_from = job_.directory / "first";
  EXPECT_EQ(exit_code(train_on(1, fresh)), 2) << "a run that began with random weights";
  fresh.init_from = job_.directory / "not there";
  const Status none = train_on(1, fresh);
  EXPECT_EQ(exit_code(none), 2) << none;
  EXPECT_NE(std::string(none.message()).find("expected no --init-from"), std::string::npos) << none;
  // The same command goes on, also when what it began with is gone.
  options = job_.options("run");
  options.init_from = job_.directory / "first";
  options.overrides = {"execution.stop_after_epochs=2"};
  EXPECT_EQ(exit_code(train_on(4, options)), 75);
  std::filesystem::remove_all(options.init_from);
  options.overrides.clear();
  EXPECT_TRUE(train_on(2, options).ok());
}

// What messages round is part of the bits: a version that rounds less goes on with what a run began with.
TEST_F(GoingOnTest, ARunKeepsTheRoundingItBeganWith) {
  const std::string stop = "execution.stop_after_epochs=1", bf16 = "execution.wire=BF16";
  const auto rounding = [&](const std::string& name, const std::string& wire = "BF16") {
    const auto solo = make_solo_communicator();
    StatusOr<JobDraft> draft = read_job(job_.job, {"execution.wire=" + wire});
    EXPECT_TRUE(draft.ok());
    adopt_stored_choices(*solo, stored_job(job_.directory / name), draft->job);
    return draft->job.execution().wire_rounding();
  };
  EXPECT_EQ(rounding("fresh"), 2);
  EXPECT_EQ(rounding("fresh", "FP32"), 0) << "says nothing where nothing is rounded";
  ASSERT_EQ(exit_code(train_on(1, job_.options("old", {stop, bf16, "execution.wire_rounding=1"}))), 75);
  EXPECT_EQ(rounding("old"), 1);
  ASSERT_TRUE(train_on(2, job_.options("old", {bf16})).ok());
  EXPECT_EQ(rounding("old"), 1);
  // A version that knew no other did not write it down.
  const StatusOr<std::string> text = read_file(job_.directory / "old/job.pbtxt", 1 << 20);
  ASSERT_TRUE(text.ok());
  std::string before = *text;
  const std::string line = "wire_rounding: 1";
  ASSERT_NE(before.find(line), std::string::npos);
  before.erase(before.find(line), line.size());
  std::ofstream(job_.directory / "old/job.pbtxt") << before;
  EXPECT_EQ(rounding("old"), 0) << "not given";
}

// What was done before the first step counts, and an evaluation is no place to stay in.
TEST_F(GoingOnTest, TheTimeLimitBeginsWithTheProcess) {
  const std::vector<std::string> limit = {"execution.time_limit_seconds=1000"};
  for (int run = 0; run < 8; ++run) {
    TrainOptions options = job_.options("limited", limit);
    options.started -= std::chrono::seconds(1001);
    ASSERT_EQ(exit_code(train_on(run % 2 == 0 ? 1 : 4, options)), 75);
    EXPECT_EQ(job_.result("limited")->step, run + 1);
    EXPECT_FALSE(job_.result("limited")->accuracy.has_value()) << "its evaluation was ended too";
  }
  ASSERT_TRUE(train_on(2, job_.options("limited", limit)).ok());
  ASSERT_TRUE(train_on(2, job_.options("undisturbed")).ok());
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("limited")));
}

}  // namespace
}  // namespace lockstep
