// Residual block (He et al. 2015, arXiv:1512.03385): body(x) + shortcut(x), then a ReLU, in one pass over memory.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/builder.h"

namespace lockstep {

// Faults: an empty body, branches of different shapes, and those of the layers inside.
Activation build_residual(Builder& builder, proto::Residual& spec, const Activation& input);

}  // namespace lockstep
