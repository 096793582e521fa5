// LossKind::kPixelCrossEntropy of one row.
#pragma once

#include "trainer/nn/losses/loss.h"

namespace lockstep {

struct RowResult {
  float loss = 0;
  float correct = 0;
  bool counts = true;
};

// x, gradient: (classes, pixels); gradient may be null. target: (pixels).
RowResult pixel_row(const LossOptions& options, const float* x, const float* target, float scale, float* gradient);

}  // namespace lockstep
