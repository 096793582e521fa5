// Every loss of given outputs, and its gradient, against PyTorch.
#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/fixture.h"
#include "trainer/nn/losses/loss.h"

namespace lockstep {
namespace {

struct Case {
  const char* name;  // in the fixture, as the others
  const char* outputs;
  const char* targets;
  LossOptions options;
};
void PrintTo(const Case& it, std::ostream* out) {
  *out << it.name;
}

constexpr int kOutputs = 6, kPixels = 20;

const Case kCases[] = {
    {"softmax", "outputs", "classes", {.outputs = kOutputs}},
    {"softmax_smoothed", "outputs", "classes", {.outputs = kOutputs, .label_smoothing = 0.1F}},
    {"binary", "outputs", "labels", {.kind = LossKind::kBinaryCrossEntropy, .outputs = kOutputs}},
    {"squared", "outputs", "numbers", {.kind = LossKind::kMeanSquaredError, .outputs = kOutputs}},
    {"huber", "outputs", "numbers", {.kind = LossKind::kHuber, .outputs = kOutputs, .delta = 1}},
    {"huber_half", "outputs", "numbers", {.kind = LossKind::kHuber, .outputs = kOutputs, .delta = 0.5F}},
    {"masks",
     "maps",
     "masks",
     {.kind = LossKind::kPixelCrossEntropy, .outputs = kOutputs, .pixels = kPixels, .dice_weight = 0}},
    {"masks_with_dice",
     "maps",
     "masks",
     {.kind = LossKind::kPixelCrossEntropy, .outputs = kOutputs, .pixels = kPixels, .dice_weight = 1}},
    {"masks_with_half_dice",
     "maps",
     "masks",
     {.kind = LossKind::kPixelCrossEntropy, .outputs = kOutputs, .pixels = kPixels, .dice_weight = 0.5F}},
};

const std::vector<float> kWeights = {0.25F, 2, 1, 0.5F, 3, 0}, kPositiveWeights = {0.25F, 2, 1, 0.5F, 3, 8};

const Case kWeightedCases[] = {
    {"weights", "outputs", "classes", {.outputs = kOutputs, .weights = kWeights}},
    {"ignored", "outputs", "classes", {.outputs = kOutputs, .ignored = 4}},
    {"weights_ignored", "outputs", "classes", {.outputs = kOutputs, .weights = kWeights, .ignored = 4}},
    {"ignored_smoothed", "outputs", "classes", {.outputs = kOutputs, .label_smoothing = 0.1F, .ignored = 4}},
    {"weights_smoothed", "outputs", "classes", {.outputs = kOutputs, .label_smoothing = 0.1F, .weights = kWeights}},
    {"weights_ignored_smoothed",
     "outputs",
     "classes",
     {.outputs = kOutputs, .label_smoothing = 0.1F, .weights = kWeights, .ignored = 4}},
    {"positive_weights",
     "outputs",
     "labels",
     {.kind = LossKind::kBinaryCrossEntropy, .outputs = kOutputs, .weights = kPositiveWeights}},
    {"huber_eighth", "outputs", "numbers", {.kind = LossKind::kHuber, .outputs = kOutputs, .delta = 0.125F}},
    {"huber_four", "outputs", "numbers", {.kind = LossKind::kHuber, .outputs = kOutputs, .delta = 4}},
};

// Sums of 9 rows, each rounded once to a float; gradients are of exponentials in float, good to some 2^-22.
void expect_agreement(const Fixture& fixture, const Case& row, float scale) {
  const std::string name = row.name;
  const std::vector<float>& outputs = fixture.at(row.outputs);
  std::vector<float> gradient(outputs.size(), std::nanf(""));
  const SliceResult result = sum_of_losses(row.options, outputs, fixture.at(row.targets), scale, gradient);
  const double expected = double(fixture.at(name + "/sum").at(0));
  EXPECT_TRUE(result.finite);
  EXPECT_NEAR(double(result.loss_sum), expected, 5e-7 * expected);
  const std::vector<float>& expected_gradient = fixture.at(name + "/gradient");
  ASSERT_EQ(expected_gradient.size(), gradient.size());
  double largest = 0;
  for (const float value : expected_gradient) largest = std::max(largest, std::abs(double(value)));
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    EXPECT_NEAR(double(gradient[i]), double(expected_gradient[i]), 5e-7 * largest) << i;
  }
}

class LossGolden : public testing::TestWithParam<Case> {};

TEST_P(LossGolden, SumAndGradientAgreeWithPyTorch) {
  expect_agreement(read_fixture("loss.fixture"), GetParam(), 1);
}

class WeightedLossGolden : public testing::TestWithParam<Case> {};

TEST_P(WeightedLossGolden, SumAndGradientOfTheBatchAgreeWithPyTorch) {
  expect_agreement(read_fixture("weighted_loss.fixture"), GetParam(), 1.0F / 9);
}

INSTANTIATE_TEST_SUITE_P(Losses, LossGolden, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });
INSTANTIATE_TEST_SUITE_P(Losses, WeightedLossGolden, testing::ValuesIn(kWeightedCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lockstep
