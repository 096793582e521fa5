// What is made small: a sum over the rows of a slice, of the outputs and the target of each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "storage/task/target.h"

namespace lockstep {

enum class LossKind {
  // Softmax cross entropy with label smoothing (Szegedy et al. 2015, arXiv:1512.00567, section 7):
  //   loss of a row = log(sum_j exp(x_j)) - sum_j q_j x_j,  q = (1 - smoothing) onehot(target) + smoothing / outputs,
  // times the weight of the target; 0 where the target is ignored.
  kSoftmaxCrossEntropy,
  // The mean over outputs of y_j w_j log(1 + exp(-x_j)) + (1 - y_j) log(1 + exp(x_j)).
  kBinaryCrossEntropy,
  // The mean over outputs of (x_j - y_j)^2.
  kMeanSquaredError,
  // The mean over outputs of d^2 / 2 where d = |x_j - y_j| is at most delta, else of delta (d - delta / 2) (Huber 1964,
  // Annals of Mathematical Statistics 35(1)).
  kHuber,
  // Of a mask: the mean over counted pixels of softmax cross entropy, plus dice_weight (1 - mean over classes of D),
  //   D = (2 sum_i p_i t_i + 1) / (sum_i p_i + sum_i t_i + 1)
  // over counted pixels i, for probabilities p and t of 0 or 1 (Milletari et al. 2016, arXiv:1606.04797, section 3,
  // without squares). Zero for a row without counted pixels.
  kPixelCrossEntropy,
};

constexpr TargetKind target_of(LossKind kind) {
  if (kind == LossKind::kSoftmaxCrossEntropy) return TargetKind::kClass;
  if (kind == LossKind::kPixelCrossEntropy) return TargetKind::kMask;
  return kind == LossKind::kBinaryCrossEntropy ? TargetKind::kLabels : TargetKind::kNumbers;
}

struct SliceResult {
  float loss_sum = 0;  // over rows, with label smoothing
  // Rows whose largest output is the target; ties count for the first. Of several labels: the sum over rows of the
  // share of labels whose output is above 0 where they are, and not where they are not. Of numbers: not a number. Of
  // masks: the sum over rows of the share of counted pixels whose largest output is their class.
  float correct = 0;
  std::int32_t counted = 0;  // rows that are not ignored, and masks with a counted pixel
  bool finite = true;        // loss of every row is finite
};

struct LossOptions {
  LossKind kind = LossKind::kSoftmaxCrossEntropy;
  int outputs = 0;                     // classes, labels or numbers
  int pixels = 1;                      // of a mask
  float label_smoothing = 0;           // of kSoftmaxCrossEntropy
  std::vector<float> weights = {};     // of its classes, or of the labels of kBinaryCrossEntropy; empty: 1
  int ignored = -1;                    // class of kSoftmaxCrossEntropy; -1: none
  float delta = 1;                     // of kHuber
  float dice_weight = 1;               // of kPixelCrossEntropy
  std::size_t target_values() const {  // of a row
    return lockstep::target_values(target_of(kind), static_cast<std::size_t>(outputs),
                                   static_cast<std::size_t>(pixels));
  }
  std::size_t output_values() const {  // of a row
    return lockstep::output_values(target_of(kind), static_cast<std::size_t>(outputs),
                                   static_cast<std::size_t>(pixels));
  }
};

// Of rows of one class each that are blended: partners' targets, and the rows' own weights, 0 to 1. Empty: they are
// not.
struct Blended {
  std::span<const float> others, weights;
};

// logits: (rows, output_values()), of masks (rows, classes, pixels); targets: (rows, target_values()). Sums loss and
// correct rows. When `gradient` is not empty it has the shape of logits and gets d(scale * sum of losses)/d(logits).
// The loss of a blended row is the weighted mean of those of both targets, and it is right where that with the larger
// weight is. Requires: every target in the range of its kind; with `blended` no ignored class. Allocates nothing after
// the first call.
SliceResult sum_of_losses(const LossOptions& options, std::span<const float> logits, std::span<const float> targets,
                          float scale, std::span<float> gradient, const Blended& blended = {});

}  // namespace lockstep
