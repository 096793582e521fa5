// Every loss of given outputs, and its gradient, against PyTorch.
#include <algorithm>
#include <cmath>
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

class LossGolden : public testing::TestWithParam<Case> {};

// Sums of 9 rows, each rounded once to a float; gradients are of exponentials in float, good to some 2^-22.
TEST_P(LossGolden, SumAndGradientAgreeWithPyTorch) {
  const Fixture fixture = read_fixture("loss.fixture");
  const Case& row = GetParam();
  const std::string name = row.name;
  const std::vector<float>& outputs = fixture.at(row.outputs);
  std::vector<float> gradient(outputs.size(), std::nanf(""));
  const SliceResult result = sum_of_losses(row.options, outputs, fixture.at(row.targets), 1, gradient);
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

INSTANTIATE_TEST_SUITE_P(Losses, LossGolden, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lockstep
