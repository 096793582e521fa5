#include "trainer/optim/schedule.h"

#include <cmath>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/optimizer.pb.h"

namespace lockstep {
namespace {

constexpr std::int64_t kStepsPerEpoch = 10;
constexpr std::int64_t kTotalSteps = 101;  // the last step is 100: shares of it are round numbers

std::vector<float> rates(const std::string& text, std::int64_t total_steps = kTotalSteps) {
  proto::Schedule schedule;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &schedule)) << text;
  std::vector<float> result;
  for (std::int64_t step = 0; step < total_steps; ++step) {
    result.push_back(learning_rate_at(schedule, step, kStepsPerEpoch, total_steps));
  }
  return result;
}

TEST(ConstantSchedule, IsTheDefault) {
  for (const float rate : rates("")) EXPECT_FLOAT_EQ(rate, 0.01F);
}

TEST(ConstantSchedule, RisesLinearlyDuringWarmUp) {
  const std::vector<float> rate = rates("constant { learning_rate: 0.5 warm_up_epochs: 2 }");
  EXPECT_FLOAT_EQ(rate[0], 0.5F / 20);
  EXPECT_FLOAT_EQ(rate[9], 0.25F);
  EXPECT_FLOAT_EQ(rate[18], 0.5F * 19 / 20);
  for (std::size_t step = 19; step < rate.size(); ++step) EXPECT_FLOAT_EQ(rate[step], 0.5F) << step;
}

TEST(ConstantSchedule, AcceptsPartsOfAnEpoch) {
  const std::vector<float> rate = rates("constant { learning_rate: 1 warm_up_epochs: 0.5 }");
  EXPECT_FLOAT_EQ(rate[0], 0.2F);
  EXPECT_FLOAT_EQ(rate[3], 0.8F);
  EXPECT_FLOAT_EQ(rate[4], 1.0F);
}

TEST(StepDecaySchedule, FallsByTheFactorAtEachPeriod) {
  const std::vector<float> rate = rates("step_decay { learning_rate: 0.8 every_epochs: 3 factor: 0.5 }");
  EXPECT_FLOAT_EQ(rate[0], 0.8F);
  EXPECT_FLOAT_EQ(rate[29], 0.8F);
  EXPECT_FLOAT_EQ(rate[30], 0.4F);
  EXPECT_FLOAT_EQ(rate[59], 0.4F);
  EXPECT_FLOAT_EQ(rate[60], 0.2F);
  EXPECT_FLOAT_EQ(rate[100], 0.1F);
}

TEST(StepDecaySchedule, CountsPeriodsFromTheStartOfWarmUp) {
  const std::vector<float> rate =
      rates("step_decay { learning_rate: 1 every_epochs: 0.2 factor: 0.5 warm_up_epochs: 0.4 }");
  EXPECT_FLOAT_EQ(rate[0], 0.25F);
  EXPECT_FLOAT_EQ(rate[1], 0.5F);
  EXPECT_FLOAT_EQ(rate[2], 0.75F * 0.5F);
  EXPECT_FLOAT_EQ(rate[3], 0.5F);
  EXPECT_FLOAT_EQ(rate[4], 0.25F);
}

TEST(MultiStepSchedule, FallsAtEachOfTheEpochs) {
  const std::vector<float> rate = rates("multi_step { learning_rate: 0.8 at_epoch: [2, 3.5, 9] factor: 0.5 }");
  EXPECT_FLOAT_EQ(rate[0], 0.8F);
  EXPECT_FLOAT_EQ(rate[19], 0.8F);
  EXPECT_FLOAT_EQ(rate[20], 0.4F);
  EXPECT_FLOAT_EQ(rate[34], 0.4F);
  EXPECT_FLOAT_EQ(rate[35], 0.2F);
  EXPECT_FLOAT_EQ(rate[89], 0.2F);
  EXPECT_FLOAT_EQ(rate[90], 0.1F);
  EXPECT_FLOAT_EQ(rate[100], 0.1F);
}

TEST(MultiStepSchedule, CountsEpochsFromTheStartOfWarmUp) {
  const std::vector<float> rate =
      rates("multi_step { learning_rate: 1 at_epoch: [0, 0.2, 50] factor: 0.5 warm_up_epochs: 0.4 }");
  EXPECT_FLOAT_EQ(rate[0], 0.25F * 0.5F);
  EXPECT_FLOAT_EQ(rate[1], 0.5F * 0.5F);
  EXPECT_FLOAT_EQ(rate[2], 0.75F * 0.25F);
  EXPECT_FLOAT_EQ(rate[3], 0.25F);
  EXPECT_FLOAT_EQ(rate[100], 0.25F);
}

TEST(ExponentialSchedule, FallsByTheFactorInEachEpochAndBetween) {
  const std::vector<float> rate = rates("exponential { learning_rate: 0.8 factor: 0.25 }");
  EXPECT_FLOAT_EQ(rate[0], 0.8F);
  EXPECT_FLOAT_EQ(rate[5], 0.4F);
  EXPECT_FLOAT_EQ(rate[10], 0.2F);
  EXPECT_FLOAT_EQ(rate[15], 0.1F);
  const std::vector<float> by_epochs = rates("step_decay { learning_rate: 0.8 every_epochs: 1 factor: 0.25 }");
  for (std::size_t step = 0; step < rate.size(); step += 10) EXPECT_FLOAT_EQ(rate[step], by_epochs[step]) << step;
  for (std::size_t step = 1; step < rate.size(); ++step) EXPECT_LT(rate[step], rate[step - 1]) << step;
}

TEST(ExponentialSchedule, CountsFromTheStartOfWarmUp) {
  const std::vector<float> rate = rates("exponential { learning_rate: 1 factor: 0.25 warm_up_epochs: 1 }");
  EXPECT_FLOAT_EQ(rate[0], 0.1F);
  EXPECT_FLOAT_EQ(rate[5], 0.6F * 0.5F);
  EXPECT_FLOAT_EQ(rate[10], 0.25F);
}

TEST(PolynomialSchedule, GoesFromTheRateToFinal) {
  const std::vector<float> line = rates("polynomial { learning_rate: 1 final: 0.2 }");
  EXPECT_FLOAT_EQ(line[0], 1.0F);
  EXPECT_FLOAT_EQ(line[25], 0.8F);
  EXPECT_FLOAT_EQ(line[100], 0.2F);
  const std::vector<float> square = rates("polynomial { learning_rate: 1 final: 0.2 power: 2 }");
  EXPECT_FLOAT_EQ(square[0], 1.0F);
  EXPECT_FLOAT_EQ(square[50], 0.4F);
  EXPECT_FLOAT_EQ(square[75], 0.25F);
  EXPECT_FLOAT_EQ(square[100], 0.2F);
  EXPECT_FLOAT_EQ(rates("polynomial { learning_rate: 1 power: 0.5 }")[75], 0.5F);
}

TEST(PolynomialSchedule, StartsAfterWarmUp) {
  const std::vector<float> rate = rates("polynomial { learning_rate: 1 warm_up_epochs: 2 }");
  EXPECT_FLOAT_EQ(rate[0], 0.05F);
  EXPECT_FLOAT_EQ(rate[19], 1.0F);
  EXPECT_FLOAT_EQ(rate[20], 1.0F);
  EXPECT_FLOAT_EQ(rate[60], 0.5F);
  EXPECT_FLOAT_EQ(rate[100], 0.0F);
}

TEST(CosineSchedule, GoesFromTheRateToFinal) {
  const std::vector<float> rate = rates("cosine { learning_rate: 1 final: 0.2 }");
  EXPECT_FLOAT_EQ(rate[0], 1.0F);
  EXPECT_FLOAT_EQ(rate[25], float(0.6 + 0.4 * std::sqrt(0.5)));
  EXPECT_FLOAT_EQ(rate[50], 0.6F);
  EXPECT_FLOAT_EQ(rate[75], float(0.6 - 0.4 * std::sqrt(0.5)));
  EXPECT_FLOAT_EQ(rate[100], 0.2F);
  for (std::size_t step = 1; step < rate.size(); ++step) EXPECT_LT(rate[step], rate[step - 1]) << step;
}

TEST(CosineSchedule, StartsAfterWarmUp) {
  const std::vector<float> rate = rates("cosine { learning_rate: 1 warm_up_epochs: 2 }");
  EXPECT_FLOAT_EQ(rate[0], 0.05F);
  EXPECT_FLOAT_EQ(rate[19], 1.0F);
  EXPECT_FLOAT_EQ(rate[20], 1.0F);
  EXPECT_FLOAT_EQ(rate[60], 0.5F);
  EXPECT_NEAR(rate[100], 0.0F, 1e-7);
  for (std::size_t step = 1; step < 20; ++step) EXPECT_GT(rate[step], rate[step - 1]) << step;
  for (std::size_t step = 21; step < rate.size(); ++step) EXPECT_LT(rate[step], rate[step - 1]) << step;
}

TEST(OneCycleSchedule, IsTwoLines) {
  const std::vector<float> rate = rates("one_cycle { peak: 0.9 initial: 0.1 final: 0.01 warm_up_epochs: 2 }");
  EXPECT_FLOAT_EQ(rate[0], 0.1F);
  EXPECT_FLOAT_EQ(rate[5], 0.3F);
  EXPECT_FLOAT_EQ(rate[10], 0.5F);
  EXPECT_FLOAT_EQ(rate[20], 0.9F);
  EXPECT_FLOAT_EQ(rate[60], 0.455F);
  EXPECT_FLOAT_EQ(rate[100], 0.01F);
  for (std::size_t step = 2; step < rate.size(); ++step) {
    if (step == 21) continue;  // the peak lies between these two differences
    EXPECT_NEAR(rate[step] - rate[step - 1], rate[step - 1] - rate[step - 2], 1e-6) << step;
  }
}

TEST(OneCycleSchedule, WithoutWarmUpStartsAtThePeak) {
  const std::vector<float> rate = rates("one_cycle { peak: 0.5 warm_up_epochs: 0 }");
  EXPECT_FLOAT_EQ(rate[0], 0.5F);
  EXPECT_FLOAT_EQ(rate[50], 0.25F);
  EXPECT_FLOAT_EQ(rate[100], 0.0F);
}

TEST(AnySchedule, WarmUpLongerThanTheTrainingIsCutOff) {
  EXPECT_FLOAT_EQ(rates("one_cycle { peak: 1 warm_up_epochs: 4 }", 11)[10], 0.25F);
  EXPECT_FLOAT_EQ(rates("constant { learning_rate: 1 warm_up_epochs: 4 }", 10)[9], 0.25F);
  EXPECT_FLOAT_EQ(rates("cosine { learning_rate: 1 warm_up_epochs: 4 }", 10)[9], 0.25F);
  EXPECT_FLOAT_EQ(rates("polynomial { learning_rate: 1 warm_up_epochs: 4 }", 10)[9], 0.25F);
}

TEST(AnySchedule, EpochsThatNoIntegerHoldsAreFarAway) {
  EXPECT_FLOAT_EQ(rates("multi_step { learning_rate: 1 at_epoch: [1, 1e30] factor: 0.5 }")[100], 0.5F);
  EXPECT_FLOAT_EQ(rates("step_decay { learning_rate: 1 every_epochs: 1e30 }")[100], 1.0F);
  EXPECT_LT(rates("constant { learning_rate: 1 warm_up_epochs: 1e30 }")[100], 1e-6F);
}

TEST(AnySchedule, ASingleStepHasAFiniteRate) {
  for (const char* kind :
       {"constant", "step_decay", "multi_step", "exponential", "cosine", "polynomial", "one_cycle"}) {
    for (const char* warm_up : {"0", "1"}) {
      const float rate = rates(std::string(kind) + " { warm_up_epochs: " + warm_up + " }", 1)[0];
      EXPECT_TRUE(rate >= 0 && rate <= 0.1F) << kind << " " << rate;
    }
  }
}

TEST(PlateauSchedule, IsScaledDownToTheLeast) {
  proto::Schedule schedule;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "plateau { learning_rate: 0.8 least: 0.1 warm_up_epochs: 1 }", &schedule));
  const auto rate = [&](std::int64_t step, double scale) {
    return learning_rate_at(schedule, step, kStepsPerEpoch, kTotalSteps, scale);
  };
  EXPECT_FLOAT_EQ(rate(0, 1), 0.08F);
  EXPECT_FLOAT_EQ(rate(9, 1), 0.8F);
  EXPECT_FLOAT_EQ(rate(50, 0.25), 0.2F);
  EXPECT_FLOAT_EQ(rate(50, 0.01), 0.1F);
}

TEST(Schedule, SomeDependOnTheEnd) {
  for (const char* const text : {"", "constant {}", "step_decay {}", "exponential {}", "multi_step {}", "plateau {}",
                                 "cosine {}", "one_cycle {}", "polynomial {}"}) {
    proto::Schedule schedule;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &schedule)) << text;
    bool differs = false;  // between two ends
    for (std::int64_t step = 0; step < 40; ++step) {
      differs = differs || learning_rate_at(schedule, step, kStepsPerEpoch, 40) !=
                               learning_rate_at(schedule, step, kStepsPerEpoch, 80);
    }
    EXPECT_EQ(depends_on_end(schedule), differs) << text;
  }
}

}  // namespace
}  // namespace lockstep
