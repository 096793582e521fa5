// A larger image: each pixel again, or what lies between pixels (nearest, bilinear with half-pixel centres). As
// torch.nn.Upsample with a whole scale_factor and align_corners = False.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: input is no image, a scale of not one or two values, an output too large.
Activation build_upsampling(Builder& builder, const proto::Upsampling& spec, const Activation& input);

}  // namespace lockstep
