// What a run began with it keeps, and when it stops.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/loop/small_job.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/trainer.h"

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
  // The same command goes on, also when what it began with is gone.
  options = job_.options("run");
  options.init_from = job_.directory / "first";
  options.overrides = {"execution.stop_after_epochs=2"};
  EXPECT_EQ(exit_code(train_on(4, options)), 75);
  std::filesystem::remove_all(options.init_from);
  options.overrides.clear();
  EXPECT_TRUE(train_on(2, options).ok());
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
