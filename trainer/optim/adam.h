// Adam (Kingma and Ba 2014, arXiv:1412.6980, algorithm 1), in PyTorch's form:
//   g = gradient_scale * gradient + weight_decay * w + l1_decay * sign(w)
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g * g
//   w -= learning_rate * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon)
// AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101, algorithm 2), too: there weight_decay is not in g (sign(w) is
// that of the weight before the step), and the last line begins with
//   w *= 1 - learning_rate * weight_decay
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "trainer/optim/optimizer.h"
#include "trainer/optim/parameter_group.h"

namespace lockstep {

namespace proto {
class Adam;  // proto/optimizer.pb.h
class AdamW;
}  // namespace proto

// The slots of both are "first_moment" and "second_moment" (m and v above).
std::unique_ptr<Optimizer> make_adam(const proto::Adam& spec, std::vector<ParameterRun> runs,
                                     std::size_t arena_elements);
std::unique_ptr<Optimizer> make_adam_w(const proto::AdamW& spec, std::vector<ParameterRun> runs,
                                       std::size_t arena_elements);

}  // namespace lockstep
