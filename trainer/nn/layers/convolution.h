// Two-dimensional convolution over oneDNN: forward, gradient of the input (left out for the first layer), gradient of
// weights and bias. Each pass takes the layouts its kernel likes; weights are kept as the weight gradient is written.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: input is no image, image too small, groups that do not divide channels or filters.
Activation build_convolution(Builder& builder, proto::Convolution& spec, const Activation& input);

}  // namespace lockstep
