// Stochastic gradient descent with momentum (Sutskever et al. 2013, PMLR 28), in PyTorch's form:
//   g = gradient_scale * gradient + weight_decay * w + l1_decay * sign(w)
//   v = momentum * v + g             (v starts at zero, so its first value is g)
//   w -= learning_rate * v           or, with nesterov, learning_rate * (g + momentum * v)
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "trainer/optim/optimizer.h"
#include "trainer/optim/parameter_group.h"

namespace lockstep {

namespace proto {
class Sgd;  // proto/optimizer.pb.h
}

// The slot is "momentum" (v above).
std::unique_ptr<Optimizer> make_sgd(const proto::Sgd& spec, std::vector<ParameterRun> runs, std::size_t arena_elements);

}  // namespace lockstep
