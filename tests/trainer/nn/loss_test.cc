// Every loss against its definition in double, and its gradient against differences of that.
#include "trainer/nn/losses/loss.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

using Doubles = std::vector<double>;

struct LossCase {
  const char* name;
  LossOptions options;
  // Of one row.
  std::function<double(const Doubles& x, const Doubles& target)> value;
};

double log_softmax(const Doubles& x, std::size_t at) {
  double sum = 0;
  for (const double each : x) sum += std::exp(each - x[at]);
  return -std::log(sum);
}

double smoothed(const Doubles& x, const Doubles& target, double smoothing) {
  double loss = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double q = (j == std::size_t(target[0]) ? 1 - smoothing : 0) + smoothing / double(x.size());
    loss -= q * log_softmax(x, j);
  }
  return loss;
}

double binary(const Doubles& x, const Doubles& target) {
  double loss = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double p = 1 / (1 + std::exp(-x[j]));
    loss -= target[j] * std::log(p) + (1 - target[j]) * std::log(1 - p);
  }
  return loss / double(x.size());
}

double squared(const Doubles& x, const Doubles& target) {
  double loss = 0;
  for (std::size_t j = 0; j < x.size(); ++j) loss += std::pow(x[j] - target[j], 2);
  return loss / double(x.size());
}

double huber(const Doubles& x, const Doubles& target, double delta) {
  double loss = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double distance = std::abs(x[j] - target[j]);
    loss += distance <= delta ? distance * distance / 2 : delta * distance - delta * delta / 2;
  }
  return loss / double(x.size());
}

constexpr int kMaskPixels = 6;

double pixels(const Doubles& x, const Doubles& target, double dice_weight) {
  const std::size_t classes = x.size() / kMaskPixels;
  Doubles both(classes), predicted(classes), labelled(classes);
  double entropy = 0, counted = 0;
  for (std::size_t i = 0; i < kMaskPixels; ++i) {
    if (target[i] == double(kIgnored)) continue;
    Doubles one(classes);
    for (std::size_t k = 0; k < classes; ++k) one[k] = x[k * kMaskPixels + i];
    const std::size_t label = std::size_t(target[i]);
    for (std::size_t k = 0; k < classes; ++k) {
      const double p = std::exp(log_softmax(one, k));
      predicted[k] += p;
      both[k] += k == label ? p : 0;
      labelled[k] += k == label ? 1 : 0;
    }
    entropy -= log_softmax(one, label);
    ++counted;
  }
  if (counted == 0) return 0;
  double dice = 0;
  for (std::size_t k = 0; k < classes; ++k) dice += (2 * both[k] + 1) / (predicted[k] + labelled[k] + 1);
  return entropy / counted + dice_weight * (1 - dice / double(classes));
}

const std::vector<LossCase>& loss_cases() {
  static const std::vector<LossCase> cases = {
      {"softmax", {.outputs = 7}, [](const Doubles& x, const Doubles& t) { return smoothed(x, t, 0); }},
      {"softmax of one class", {.outputs = 1}, [](const Doubles&, const Doubles&) { return 0.0; }},
      {"softmax with label smoothing",
       {.outputs = 7, .label_smoothing = 0.1F},
       [](const Doubles& x, const Doubles& t) { return smoothed(x, t, double(0.1F)); }},
      {"softmax with weights",
       {.outputs = 3, .label_smoothing = 0.1F, .weights = {0.5F, 2, 1}},
       [](const Doubles& x, const Doubles& t) {
         return std::vector<double>{0.5, 2, 1}[std::size_t(t[0])] * smoothed(x, t, double(0.1F));
       }},
      {"softmax with an ignored label",
       {.outputs = 3, .ignored = 1},
       [](const Doubles& x, const Doubles& t) { return t[0] == 1 ? 0 : smoothed(x, t, 0); }},
      {"binary with weights",
       {.kind = LossKind::kBinaryCrossEntropy, .outputs = 3, .weights = {3, 1, 0.5F}},
       [](const Doubles& x, const Doubles& t) {
         double loss = 0;
         for (std::size_t j = 0; j < 3; ++j) {
           const double weight = t[j] == 1 ? std::vector<double>{3, 1, 0.5}[j] : 1;
           loss += weight * binary({x[j]}, {t[j]}) / 3;
         }
         return loss;
       }},
      {"binary", {.kind = LossKind::kBinaryCrossEntropy, .outputs = 5}, binary},
      {"binary of one label", {.kind = LossKind::kBinaryCrossEntropy, .outputs = 1}, binary},
      {"squared", {.kind = LossKind::kMeanSquaredError, .outputs = 3}, squared},
      {"huber",
       {.kind = LossKind::kHuber, .outputs = 4},
       [](const Doubles& x, const Doubles& t) { return huber(x, t, 1); }},
      {"huber of a wide delta",
       {.kind = LossKind::kHuber, .outputs = 4, .delta = 3},
       [](const Doubles& x, const Doubles& t) { return huber(x, t, 3); }},
      {"pixels",
       {.kind = LossKind::kPixelCrossEntropy, .outputs = 3, .pixels = kMaskPixels},
       [](const Doubles& x, const Doubles& t) { return pixels(x, t, 1); }},
      {"pixels with much Dice",
       {.kind = LossKind::kPixelCrossEntropy, .outputs = 2, .pixels = kMaskPixels, .dice_weight = 4},
       [](const Doubles& x, const Doubles& t) { return pixels(x, t, 4); }},
      {"pixels without Dice",
       {.kind = LossKind::kPixelCrossEntropy, .outputs = 3, .pixels = kMaskPixels, .dice_weight = 0},
       [](const Doubles& x, const Doubles& t) { return pixels(x, t, 0); }},
  };
  return cases;
}

struct Sample {
  std::vector<float> outputs;
  std::vector<float> targets;
};

Sample sample_of(const LossOptions& options, std::size_t rows) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal(0, 3);
  Sample sample;
  for (std::size_t i = 0; i < rows * options.output_values(); ++i) sample.outputs.push_back(normal(generator));
  const TargetKind kind = target_of(options.kind);
  const std::uint32_t end = kind == TargetKind::kLabels ? 2 : std::uint32_t(options.outputs);
  for (std::size_t i = 0; i < rows * options.target_values(); ++i) {
    sample.targets.push_back(kind == TargetKind::kNumbers ? normal(generator) : float(generator() % end));
    // Some pixels count nowhere, and of the last row none does.
    const bool is_last = i >= (rows - 1) * options.target_values();
    if (kind == TargetKind::kMask && (is_last || generator() % 4 == 0)) sample.targets.back() = kIgnored;
  }
  return sample;
}

// Row by row, with the derivative by each output.
double slow(const LossCase& row, const Sample& sample, std::size_t rows, Doubles& gradient) {
  const std::size_t outputs = row.options.output_values(), values = row.options.target_values();
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    Doubles x(sample.outputs.begin() + std::ptrdiff_t(i * outputs),
              sample.outputs.begin() + std::ptrdiff_t((i + 1) * outputs));
    const Doubles target(sample.targets.begin() + std::ptrdiff_t(i * values),
                         sample.targets.begin() + std::ptrdiff_t((i + 1) * values));
    sum += row.value(x, target);
    for (double& each : x) {
      constexpr double kStep = 1e-5;
      const double before = each;
      each = before + kStep;
      const double above = row.value(x, target);
      each = before - kStep;
      gradient.push_back((above - row.value(x, target)) / (2 * kStep));
      each = before;
    }
  }
  return sum;
}

TEST(EveryLoss, IsItsDefinitionAndSoIsItsGradient) {
  constexpr std::size_t kRows = 6;
  constexpr float kScale = 0.125F;
  for (const LossCase& row : loss_cases()) {
    SCOPED_TRACE(row.name);
    const Sample sample = sample_of(row.options, kRows);
    std::vector<float> gradient(sample.outputs.size(), 99);
    const SliceResult got = sum_of_losses(row.options, sample.outputs, sample.targets, kScale, gradient);
    Doubles expected;
    const double sum = slow(row, sample, kRows, expected);
    EXPECT_NEAR(got.loss_sum, sum, 1e-6 * std::abs(sum));
    EXPECT_TRUE(got.finite);
    std::size_t counted = kRows;
    if (target_of(row.options.kind) == TargetKind::kMask) counted = kRows - 1;
    if (row.options.ignored >= 0) {
      counted -= std::size_t(std::ranges::count(sample.targets, float(row.options.ignored)));
    }
    EXPECT_EQ(std::size_t(got.counted), counted);
    for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_NEAR(gradient[i], double(kScale) * expected[i], 1e-7) << i;
    EXPECT_EQ(sum_of_losses(row.options, sample.outputs, sample.targets, kScale, {}).loss_sum, got.loss_sum);
  }
}

// So that slices add up, whatever their number: to the rounding of a sum in float.
TEST(EveryLoss, OfASliceIsTheSumOfItsRows) {
  constexpr std::size_t kRows = 5;
  for (const LossCase& row : loss_cases()) {
    const Sample sample = sample_of(row.options, kRows);
    std::vector<float> whole(sample.outputs.size()), parts(sample.outputs.size());
    const SliceResult all = sum_of_losses(row.options, sample.outputs, sample.targets, 1, whole);
    const std::size_t outputs = row.options.output_values(), values = row.options.target_values();
    float loss = 0, correct = 0;
    for (std::size_t i = 0; i < kRows; ++i) {
      const SliceResult one = sum_of_losses(row.options, std::span(sample.outputs).subspan(i * outputs, outputs),
                                            std::span(sample.targets).subspan(i * values, values), 1,
                                            std::span(parts).subspan(i * outputs, outputs));
      loss += one.loss_sum;
      correct += one.correct;
    }
    EXPECT_NEAR(loss, all.loss_sum, 1e-5) << row.name;
    if (target_of(row.options.kind) == TargetKind::kNumbers) {
      EXPECT_TRUE(std::isnan(all.correct));
    } else {
      EXPECT_NEAR(correct, all.correct, 1e-6) << row.name;
    }
    EXPECT_EQ(parts, whole) << row.name;
  }
}

// A blended row's loss and gradient are the weighted means of those of both targets.
TEST(EveryLoss, OfABlendedRowIsTheMeanOfBoth) {
  constexpr std::size_t kRows = 6;
  const std::vector<float> weights = {1, 0.75F, 0.5F, 0.25F, 0.125F, 0};
  for (const LossCase& row : loss_cases()) {
    if (row.options.kind != LossKind::kSoftmaxCrossEntropy || row.options.ignored >= 0) continue;
    SCOPED_TRACE(row.name);
    const Sample sample = sample_of(row.options, kRows);
    std::vector<float> others = sample.targets;
    std::ranges::rotate(others, others.begin() + 1);
    std::vector<float> gradient(sample.outputs.size()), own(gradient.size()), other(gradient.size());
    const SliceResult got =
        sum_of_losses(row.options, sample.outputs, sample.targets, 0.5F, gradient, {others, weights});
    sum_of_losses(row.options, sample.outputs, sample.targets, 0.5F, own);
    sum_of_losses(row.options, sample.outputs, others, 0.5F, other);
    double sum = 0;
    for (std::size_t i = 0; i < kRows; ++i) {
      const auto outputs = std::size_t(row.options.outputs);
      const auto loss = [&](const std::vector<float>& targets) {
        return double(sum_of_losses(row.options, std::span(sample.outputs).subspan(i * outputs, outputs),
                                    std::span(targets).subspan(i, 1), 1, {})
                          .loss_sum);
      };
      sum += double(weights[i]) * loss(sample.targets) + (1 - double(weights[i])) * loss(others);
      for (std::size_t j = i * outputs; j < (i + 1) * outputs; ++j) {
        EXPECT_NEAR(gradient[j], weights[i] * own[j] + (1 - weights[i]) * other[j], 1e-6F) << i;
      }
    }
    EXPECT_NEAR(got.loss_sum, sum, 1e-5 * std::abs(sum));
  }
}

// Of several labels that were blended, the loss is linear in them.
TEST(EveryLoss, OfBlendedLabelsIsTheMeanOfBoth) {
  const LossOptions binary{.kind = LossKind::kBinaryCrossEntropy, .outputs = 3, .weights = {1, 2, 3}};
  const std::vector<float> x = {0.5F, -2, 30}, a = {1, 0, 1}, b = {0, 0, 1};
  const float weight = 0.75F;
  std::vector<float> blended(3), gradient(3), of_a(3), of_b(3);
  for (std::size_t j = 0; j < 3; ++j) blended[j] = weight * a[j] + (1 - weight) * b[j];
  const SliceResult got = sum_of_losses(binary, x, blended, 1, gradient);
  const SliceResult first = sum_of_losses(binary, x, a, 1, of_a), second = sum_of_losses(binary, x, b, 1, of_b);
  EXPECT_NEAR(got.loss_sum, weight * first.loss_sum + (1 - weight) * second.loss_sum, 1e-6);
  for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(gradient[j], weight * of_a[j] + (1 - weight) * of_b[j], 1e-6) << j;
  EXPECT_FLOAT_EQ(got.correct, 1);
}

// Large outputs overflow no exponential.
TEST(EveryLoss, IsStableForLargeOutputs) {
  const LossOptions binary{.kind = LossKind::kBinaryCrossEntropy, .outputs = 4};
  const std::vector<float> outputs = {1000, -1000, 1000, -1000}, targets = {1, 0, 0, 1};
  std::vector<float> gradient(4);
  const SliceResult result = sum_of_losses(binary, outputs, targets, 4, gradient);
  EXPECT_TRUE(result.finite);
  EXPECT_FLOAT_EQ(result.loss_sum, 500);
  EXPECT_EQ(gradient, (std::vector<float>{0, 0, 1, -1}));
  EXPECT_FLOAT_EQ(result.correct, 0.5F);
}

TEST(EveryLoss, SeesOutputsThatAreNoNumbers) {
  for (const LossCase& row : loss_cases()) {
    Sample sample = sample_of(row.options, 3);
    for (const float bad : {std::nanf(""), INFINITY}) {
      const float target = std::exchange(sample.targets[0], 0.0F), before = std::exchange(sample.outputs[0], bad);
      EXPECT_FALSE(sum_of_losses(row.options, sample.outputs, sample.targets, 1, {}).finite) << row.name << bad;
      sample.targets[0] = target;
      sample.outputs[0] = before;
    }
  }
}

}  // namespace
}  // namespace lockstep
