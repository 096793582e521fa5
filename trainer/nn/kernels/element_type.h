// Our own loops over arrays of either element type.
#pragma once

#include "trainer/nn/kernels/onednn.h"
#include "trainer/tensor/bfloat16.h"

namespace lockstep {

// Calls body(T()) with the type of the array's elements.
template <typename Body>
void with_element_type(onednn::Type type, const Body& body) {
  if (type == onednn::Type::bf16) {
    body(Bfloat16());
  } else {
    body(0.F);
  }
}

}  // namespace lockstep
