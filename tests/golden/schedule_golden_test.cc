// The rate of each step, against PyTorch's schedulers.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "tests/golden/fixture.h"
#include "trainer/optim/schedule.h"
#include "trainer/optim/stagnation.h"

namespace lockstep {
namespace {

constexpr std::int64_t kStepsPerEpoch = 5;
constexpr std::int64_t kSteps = 41;

struct Case {
  const char* name;  // in the fixture
  const char* spec;
  std::int64_t every = 1;  // step
};

const Case kCases[] = {
    {"exponential", "exponential { learning_rate: 0.8 factor: 0.5 }"},
    {"exponential_by_epochs", "exponential { learning_rate: 0.8 factor: 0.5 }", kStepsPerEpoch},
    {"exponential_with_warm_up", "exponential { learning_rate: 0.8 factor: 0.5 warm_up_epochs: 2 }"},
    {"multi_step", "multi_step { learning_rate: 0.8 at_epoch: [1, 3.4, 6] factor: 0.3 }"},
    {"multi_step_with_warm_up",
     "multi_step { learning_rate: 0.8 at_epoch: [1, 3.4, 6] factor: 0.3 warm_up_epochs: 2 }"},
    {"polynomial", "polynomial { learning_rate: 0.8 power: 2 }"},
    {"line", "polynomial { learning_rate: 0.8 }"},
    {"polynomial_with_warm_up", "polynomial { learning_rate: 0.8 power: 2 warm_up_epochs: 2 }"},
    {"step_decay", "step_decay { learning_rate: 0.8 every_epochs: 2 factor: 0.5 }"},
    {"cosine", "cosine { learning_rate: 0.8 final: 0.02 }"},
};

// The rate, the factor (to the third power at most) and the result are rounded to float32, by 6e-8 of them at most.
TEST(ScheduleGolden, EveryStepAgreesWithPyTorch) {
  const Fixture fixture = read_fixture("schedule.fixture");
  EXPECT_EQ(fixture.size(), std::size(kCases));
  for (const Case& row : kCases) {
    proto::Schedule spec;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(row.spec, &spec)) << row.spec;
    const std::vector<float>& expected = fixture.at(row.name);
    ASSERT_EQ(expected.size(), std::size_t(kSteps / row.every));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const float rate = learning_rate_at(spec, std::int64_t(i) * row.every, kStepsPerEpoch, kSteps);
      EXPECT_NEAR(rate, expected[i], 3e-7 * double(expected[i]) + 1e-12) << row.name << " " << i;
    }
  }
}

struct PlateauCase {
  const char* name;    // in the fixture
  const char* metric;  // in the fixture
  bool higher_is_better;
  const char* spec;
};

const PlateauCase kPlateauCases[] = {
    {"falling", "loss", false, "factor: 0.5 patience: 2"},
    {"falling_at_once", "loss", false, "factor: 0.5 patience: 0"},
    {"falling_by_much", "loss", false, "factor: 0.1 patience: 3 min_delta: 0.25"},
    {"falling_to_least", "loss", false, "factor: 0.5 patience: 2 least: 0.15"},
    {"falling_with_gaps", "gaps", false, "factor: 0.5 patience: 2"},
    {"rising", "accuracy", true, "factor: 0.5 patience: 2"},
    {"rising_by_much", "accuracy", true, "factor: 0.25 patience: 4 min_delta: 0.125"},
    {"wrong_way", "accuracy", false, "factor: 0.5 patience: 5"},
};

// The rate and the factor (to the sixth power at most, but 0.5 and 0.25 are exact) are rounded to float32.
TEST(ScheduleGolden, PlateauAgreesWithPyTorchAfterEveryEvaluation) {
  const Fixture fixture = read_fixture("plateau.fixture");
  EXPECT_EQ(fixture.size(), std::size(kPlateauCases) + 3) << "and the metrics";
  for (const PlateauCase& row : kPlateauCases) {
    proto::Schedule spec;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(row.spec, spec.mutable_plateau())) << row.spec;
    spec.mutable_plateau()->set_learning_rate(0.8F);
    const std::vector<float>& metric = fixture.at(row.metric);
    const std::vector<double> values(metric.begin(), metric.end());
    const std::vector<float>& expected = fixture.at(row.name);
    ASSERT_EQ(expected.size(), values.size() + 1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double scale = plateau_scale(spec.plateau(), std::span(values).first(i), row.higher_is_better);
      EXPECT_NEAR(learning_rate_at(spec, 0, kStepsPerEpoch, kSteps, scale), expected[i], 3e-7 * double(expected[i]))
          << row.name << " after " << i;
    }
  }
}

}  // namespace
}  // namespace lockstep
