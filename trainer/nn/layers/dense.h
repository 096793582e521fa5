// Fully connected layer over oneDNN's inner product. An image input is read in the layout it comes in; the plain
// weights are (units, channels * height * width).
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// No faults: every input fits.
Activation build_dense(Builder& builder, const proto::Dense& spec, const Activation& input);

}  // namespace lockstep
