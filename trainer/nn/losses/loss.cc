#include "trainer/nn/losses/loss.h"

#include <algorithm>
#include <cmath>

#include "storage/base/status.h"
#include "trainer/nn/losses/pixel_loss.h"

namespace lockstep {
namespace {

// Exponentials are taken relative to the largest value, so that none overflows; their sums are in double.
RowResult softmax_row(const LossOptions& options, const float* x, float target_class, float scale, float* gradient) {
  const int classes = options.outputs;
  const int label = int(target_class);
  if (label == options.ignored) {
    if (gradient != nullptr) std::fill_n(gradient, classes, 0.0F);
    return {.counts = false};
  }
  if (!options.weights.empty()) scale *= options.weights[std::size_t(label)];
  CHECK(label >= 0 && label < classes, "label {} of {}", label, classes);
  const int largest = int(std::max_element(x, x + classes) - x);
  double sum = 0;
  double total = 0;
  for (int j = 0; j < classes; ++j) {
    sum += double(std::exp(x[j] - x[largest]));
    total += double(x[j]);
  }
  const double log_sum = double(x[largest]) + std::log(sum);
  const double smoothing = double(options.label_smoothing);
  const double target = std::fma(1 - smoothing, double(x[label]), smoothing / classes * total);
  if (gradient != nullptr) {
    const float inverse = float(double(scale) / sum);
    const float spread = float(double(scale) * smoothing / classes);
    for (int j = 0; j < classes; ++j) gradient[j] = std::fma(std::exp(x[j] - x[largest]), inverse, -spread);
    gradient[label] -= float(double(scale) * (1 - smoothing));
  }
  const double weight = options.weights.empty() ? 1 : double(options.weights[std::size_t(label)]);
  return {float(weight * (log_sum - target)), largest == label ? 1.F : 0.F};
}

// `own` and `other` with their weights.
RowResult blended_row(const LossOptions& options, const float* x, float own, float other, float weight, float scale,
                      float* gradient) {
  thread_local std::vector<float> second;
  second.resize(std::size_t(options.outputs));
  float* const other_gradient = gradient == nullptr ? nullptr : second.data();
  const RowResult a = softmax_row(options, x, own, scale * weight, gradient);
  const RowResult b = softmax_row(options, x, other, scale * (1 - weight), other_gradient);
  for (std::size_t j = 0; gradient != nullptr && j < second.size(); ++j) gradient[j] += second[j];
  return {std::fma(weight, a.loss, (1 - weight) * b.loss), weight >= 0.5F ? a.correct : b.correct};
}

// Of a label that was blended: y log(1 + exp(-x)) and (1 - y) log(1 + exp(x)).
double soft_label(double x, double y, double weight, double& slope) {
  const double small = std::log1p(std::exp(-std::abs(x)));
  const double probability = 1 / (1 + std::exp(-x));
  slope = y * weight * (probability - 1) + (1 - y) * probability;
  return y * weight * (std::max(-x, 0.0) + small) + (1 - y) * (std::max(x, 0.0) + small);
}

// Neither exponential overflows: log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
RowResult binary_row(const LossOptions& options, const float* x, const float* target, float scale, float* gradient) {
  const int labels = options.outputs;
  double loss = 0;
  int correct = 0;
  for (int j = 0; j < labels; ++j) {
    if (target[j] > 0 && target[j] < 1) {
      double slope = 0;
      const double positive = options.weights.empty() ? 1 : double(options.weights[std::size_t(j)]);
      loss += soft_label(double(x[j]), double(target[j]), positive, slope);
      correct += (x[j] > 0) == (target[j] >= 0.5F) ? 1 : 0;
      if (gradient != nullptr) gradient[j] = float(double(scale) / labels * slope);
      continue;
    }
    const bool is_set = target[j] != 0;
    const double small = std::exp(-std::abs(double(x[j])));
    const double weight = is_set && !options.weights.empty() ? double(options.weights[std::size_t(j)]) : 1;
    loss += weight * (std::max(double(x[j]), 0.0) - (is_set ? double(x[j]) : 0.0) + std::log1p(small));
    correct += (x[j] > 0) == is_set ? 1 : 0;
    if (gradient == nullptr) continue;
    const double probability = (x[j] >= 0 ? 1 : small) / (1 + small);
    gradient[j] = float(double(scale) / labels * weight * (probability - (is_set ? 1.0 : 0.0)));
  }
  return {float(loss / labels), float(correct) / float(labels)};
}

RowResult squared_row(const LossOptions& options, const float* x, const float* target, float scale, float* gradient) {
  double loss = 0;
  for (int j = 0; j < options.outputs; ++j) {
    const double distance = double(x[j]) - double(target[j]);
    loss += distance * distance;
    if (gradient != nullptr) gradient[j] = float(double(scale) / options.outputs * 2 * distance);
  }
  return {float(loss / options.outputs), std::nanf("")};
}

RowResult huber_row(const LossOptions& options, const float* x, const float* target, float scale, float* gradient) {
  const double delta = double(options.delta);
  double loss = 0;
  for (int j = 0; j < options.outputs; ++j) {
    const double distance = double(x[j]) - double(target[j]);
    const double size = std::abs(distance);
    loss += size <= delta ? distance * distance / 2 : delta * (size - delta / 2);
    const double slope = size <= delta ? distance : std::copysign(delta, distance);
    if (gradient != nullptr) gradient[j] = float(double(scale) / options.outputs * slope);
  }
  return {float(loss / options.outputs), std::nanf("")};
}

RowResult row_of(const LossOptions& options, const float* x, const float* target, float scale, float* gradient) {
  switch (options.kind) {
    case LossKind::kSoftmaxCrossEntropy:
      return softmax_row(options, x, *target, scale, gradient);
    case LossKind::kBinaryCrossEntropy:
      return binary_row(options, x, target, scale, gradient);
    case LossKind::kMeanSquaredError:
      return squared_row(options, x, target, scale, gradient);
    case LossKind::kHuber:
      return huber_row(options, x, target, scale, gradient);
    case LossKind::kPixelCrossEntropy:
      return pixel_row(options, x, target, scale, gradient);
  }
  CHECK(false, "loss {} has no implementation", int(options.kind));
}

}  // namespace

SliceResult sum_of_losses(const LossOptions& options, std::span<const float> logits, std::span<const float> targets,
                          float scale, std::span<float> gradient, const Blended& blended) {
  const std::size_t outputs = options.output_values(), values = options.target_values();
  const std::size_t rows = logits.size() / outputs;
  CHECK(logits.size() == rows * outputs && targets.size() == rows * values &&
        (gradient.empty() || gradient.size() == logits.size()));
  CHECK(blended.weights.empty() || (options.kind == LossKind::kSoftmaxCrossEntropy && options.ignored < 0));
  SliceResult result;
  double loss_sum = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    float* const row_gradient = gradient.empty() ? nullptr : &gradient[row * outputs];
    const float* const x = &logits[row * outputs];
    const RowResult one = blended.weights.empty() ? row_of(options, x, &targets[row * values], scale, row_gradient)
                                                  : blended_row(options, x, targets[row], blended.others[row],
                                                                blended.weights[row], scale, row_gradient);
    loss_sum += double(one.loss);
    const bool finite = std::isfinite(one.loss);
    result.finite = result.finite && finite;
    if (finite) result.correct += one.correct;
    result.counted += one.counts ? 1 : 0;
  }
  result.loss_sum = float(loss_sum);
  return result;
}

}  // namespace lockstep
