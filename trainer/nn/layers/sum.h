// Sums: of values (add, and the end of a residual block: He et al. 2015, arXiv:1512.03385), with a ReLU in the same
// pass over memory; and of gradients, where a value has several readers.
#pragma once

#include <vector>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: an empty body, branches of different shapes. `inputs`: body, shortcut.
Activation build_residual_sum(Builder& builder, const proto::Residual& spec, const std::vector<Activation>& inputs);

// Faults: inputs of different shapes.
Activation build_add(Builder& builder, const std::vector<Activation>& inputs);

// `value` as each of its readers gets it, the first one last: with several of them each has a gradient of its own, and
// a step adds these, in fp32 in the readers' order.
std::vector<Activation> fan_out(Builder& builder, const Activation& value, int readers);

}  // namespace lockstep
