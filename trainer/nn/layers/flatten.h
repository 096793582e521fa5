// An image becomes values: only the shape changes. The layout stays that of the image; a layer that needs the values in
// a row reorders them, and dense layers read any layout.
#pragma once

#include "trainer/nn/graph/builder.h"

namespace lockstep {

// No faults: values stay as they are.
Activation build_flatten(Builder& builder, const Activation& input);

}  // namespace lockstep
