// RMSProp (Tieleman and Hinton 2012, Coursera: Neural Networks for Machine Learning, lecture 6.5), in PyTorch's form:
//   g = gradient_scale * gradient + weight_decay * w + l1_decay * sign(w)
//   s = alpha * s + (1 - alpha) * g * g
//   d = g / (sqrt(s) + epsilon)      or, centered, with a = alpha * a + (1 - alpha) * g,
//                                    g / (sqrt(s - a * a) + epsilon)
//   w -= learning_rate * d           or, with momentum, v = momentum * v + d; w -= learning_rate * v
// Where rounding makes s - a * a negative it counts as zero.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "trainer/optim/optimizer.h"
#include "trainer/optim/parameter_group.h"

namespace lockstep {

namespace proto {
class RmsProp;  // proto/optimizer.pb.h
}

// The slots are "square_average" (s above), when centered "gradient_average" (a), and with momentum "momentum" (v).
std::unique_ptr<Optimizer> make_rms_prop(const proto::RmsProp& spec, std::vector<ParameterRun> runs,
                                         std::size_t arena_elements);

}  // namespace lockstep
