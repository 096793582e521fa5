// Softmax cross entropy with label smoothing (Szegedy et al. 2015, arXiv:1512.00567, section 7):
//   loss of a row = log(sum_j exp(x_j)) - sum_j q_j x_j,  q = (1 - smoothing) onehot(label) + smoothing / classes.
#pragma once

#include <cstdint>
#include <span>

namespace lockstep {

struct SliceResult {
  float loss_sum = 0;        // over rows, with label smoothing
  std::int32_t correct = 0;  // rows whose largest output is the label; ties count for the first
  bool finite = true;        // loss of every row is finite
};

struct LossOptions {
  int classes = 0;
  float label_smoothing = 0;
};

// logits: (rows, classes), rows = labels.size(). Sums loss and correct rows. When `gradient` is not empty it has the
// shape of logits and gets d(scale * sum of losses)/d(logits).
// Requires: every label in [0, classes).
SliceResult softmax_cross_entropy(const LossOptions& options, std::span<const float> logits,
                                  std::span<const std::int32_t> labels, float scale, std::span<float> gradient);

}  // namespace lockstep
