// The gradient that an optimizer goes by.
#pragma once

#include <cmath>

namespace lockstep {

struct Penalty {
  float gradient_scale;
  float weight_decay;  // L2
  float l1_decay;
};

// gradient_scale * gradient + weight_decay * w + l1_decay * sign(w), where sign(0) = 0. Without kL1 the last term is
// not there: to add its zero would make -0 to +0.
template <bool kL1>
inline float penalized(float gradient, float value, const Penalty& penalty) {
  const float with_l2 = std::fma(penalty.gradient_scale, gradient, penalty.weight_decay * value);
  if constexpr (!kL1) return with_l2;
  return std::fma(penalty.l1_decay, float(value > 0) - float(value < 0), with_l2);
}

}  // namespace lockstep
