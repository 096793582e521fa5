#include "trainer/nn/losses/loss.h"

#include <algorithm>
#include <cmath>

#include "storage/base/status.h"

namespace lockstep {
namespace {

struct RowResult {
  float loss = 0;
  bool correct = false;
};

// Exponentials are taken relative to the largest value, so that none overflows; their sums are in double.
RowResult one_row(const LossOptions& options, const float* x, std::int32_t label, float scale, float* gradient) {
  const int classes = options.classes;
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
  return {float(log_sum - target), largest == label};
}

}  // namespace

SliceResult softmax_cross_entropy(const LossOptions& options, std::span<const float> logits,
                                  std::span<const std::int32_t> labels, float scale, std::span<float> gradient) {
  const std::size_t classes = std::size_t(options.classes);
  CHECK(logits.size() == labels.size() * classes && (gradient.empty() || gradient.size() == logits.size()));
  SliceResult result;
  double loss_sum = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    CHECK(labels[row] >= 0 && labels[row] < options.classes, "label {} of {}", labels[row], options.classes);
    float* const row_gradient = gradient.empty() ? nullptr : &gradient[row * classes];
    const RowResult one = one_row(options, &logits[row * classes], labels[row], scale, row_gradient);
    loss_sum += double(one.loss);
    const bool finite = std::isfinite(one.loss);
    result.finite = result.finite && finite;
    if (finite && one.correct) ++result.correct;
  }
  result.loss_sum = float(loss_sum);
  return result;
}

}  // namespace lockstep
