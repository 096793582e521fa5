// ReLU, sigmoid and tanh: elementwise, in the layout of the input. Backward reads their result, so the input may be
// overwritten.
#pragma once

#include "trainer/nn/graph/builder.h"

namespace lockstep {

enum class Nonlinearity { kRelu, kSigmoid, kTanh };

// No faults: every input fits.
Activation build_nonlinearity(Builder& builder, Nonlinearity kind, const Activation& input);
// A ReLU that the text has before the pooling that gives `pooled`; in the list of layers it stands there.
Activation build_relu_behind(Builder& builder, const Activation& pooled);

}  // namespace lockstep
