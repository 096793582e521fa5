// ReLU, sigmoid and tanh: elementwise, in the layout of the input. Backward reads their result, so the input may be
// overwritten.
#pragma once

#include "trainer/nn/graph/builder.h"

namespace lockstep {

enum class Nonlinearity { kRelu, kSigmoid, kTanh };

// No faults: every input fits.
Activation build_nonlinearity(Builder& builder, Nonlinearity kind, const Activation& input);

}  // namespace lockstep
