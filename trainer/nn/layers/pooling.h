// Maximum and mean over windows, and the mean over the whole image. The mean counts pixels inside the image only.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Faults: input is no image, image too small, padding not less than the kernel.
Activation build_max_pooling(Builder& builder, const proto::Pooling& spec, const Activation& input);
Activation build_average_pooling(Builder& builder, const proto::Pooling& spec, const Activation& input);

// Faults: input is no image.
Activation build_global_pooling(Builder& builder, const Activation& input);

}  // namespace lockstep
