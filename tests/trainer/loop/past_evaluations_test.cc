#include "trainer/loop/past_evaluations.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/checkpoint/directory.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

// A run of before: checkpoints that hold their accuracy alone.
class PastEvaluationsTest : public testing::Test {
 protected:
  Checkpoint old_checkpoint(std::int64_t step) const {
    Checkpoint checkpoint;
    checkpoint.step = step;
    checkpoint.epoch = step / 10;
    checkpoint.accuracy = static_cast<double>(step) / 100;
    checkpoint.tensors = {{"parameters/dense_1/weights", {1000}, std::vector<float>(1000, 1.0F)}};
    return checkpoint;
  }
  void write(std::int64_t step) {
    std::filesystem::create_directories(run_ / "checkpoints");
    ASSERT_TRUE(write_checkpoint(checkpoint_path(run_ / "checkpoints", step), old_checkpoint(step)).ok());
  }
  void tell(std::int64_t step, double accuracy) {
    std::ofstream(run_ / "metrics.jsonl", std::ios::app)
        << fmt::format(R"({{"event":"eval","step":{},"epoch":{},"loss":0.5,"accuracy":{},"rows":7}})", step, step / 10,
                       accuracy)
        << "\n";
  }
  std::vector<std::int64_t> steps(const std::vector<EvalPoint>& evaluations) const {
    std::vector<std::int64_t> all;
    for (const EvalPoint& it : evaluations) all.push_back(it.step);
    return all;
  }
  using Steps = std::vector<std::int64_t>;

  TemporaryDirectory directory_;
  std::filesystem::path run_ = directory_.path();
};

TEST_F(PastEvaluationsTest, AreThoseOfTheMetrics) {
  for (const std::int64_t step : {10, 20, 30, 40}) tell(step, static_cast<double>(step) / 100);
  EXPECT_EQ(steps(find_evaluations(old_checkpoint(30), run_)), (Steps{10, 20, 30}));
  EXPECT_EQ(find_evaluations(old_checkpoint(30), run_)[2].rows, 7);
  Checkpoint interrupted = old_checkpoint(30);
  interrupted.accuracy.reset();
  EXPECT_EQ(steps(find_evaluations(interrupted, run_)), (Steps{10, 20})) << "it is made again";
}

TEST_F(PastEvaluationsTest, OrOfTheCheckpointsThatAreThere) {
  for (const std::int64_t step : {10, 20, 30}) write(step);
  tell(20, 0.2);
  const std::vector<EvalPoint> found = find_evaluations(old_checkpoint(30), run_);
  ASSERT_EQ(steps(found), (Steps{10, 20})) << "the loss of its own is not known, so it is made again";
  EXPECT_EQ(metric_value(found[0].metrics, "accuracy"), 0.1);
  EXPECT_TRUE(std::isnan(found[0].loss));
  EXPECT_EQ(found[1].loss, 0.5);
}

TEST_F(PastEvaluationsTest, NoMoreIsReadThanTimeAllows) {
  for (const std::int64_t step : {10, 20, 30, 40}) write(step);
  const auto bytes = std::filesystem::file_size(checkpoint_path(run_ / "checkpoints", 10));
  EXPECT_EQ(steps(find_evaluations(old_checkpoint(40), run_, 2 * bytes)), (Steps{20, 30}));
  EXPECT_EQ(steps(find_evaluations(old_checkpoint(40), run_, 0)), Steps{});
  EXPECT_EQ(steps(find_evaluations(old_checkpoint(40), run_, 3 * bytes)), (Steps{10, 20, 30}));
}

TEST_F(PastEvaluationsTest, OfNothingAreNone) {
  EXPECT_TRUE(find_evaluations(old_checkpoint(10), run_ / "not there").empty());
  EXPECT_TRUE(from_checkpoint(old_checkpoint(10)).empty());
}

}  // namespace
}  // namespace lockstep
