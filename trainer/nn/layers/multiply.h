// Product of two values, or of an image and one value a channel: a gate (Hu et al. 2018, arXiv:1709.01507).
#pragma once

#include <vector>

#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: shapes that do not meet.
Activation build_multiply(Builder& builder, const std::vector<Activation>& inputs);

}  // namespace lockstep
