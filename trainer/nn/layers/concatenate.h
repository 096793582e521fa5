// Concatenation of channels.
#pragma once

#include <vector>

#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: images of different size; images and values.
Activation build_concatenate(Builder& builder, const std::vector<Activation>& inputs);

}  // namespace lockstep
