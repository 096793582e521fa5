#include "trainer/nn/layers/flatten.h"

namespace lockstep {

Activation build_flatten(Builder& builder, const Activation& input) {
  Activation output = input;
  output.shape = {.channels = input.shape.values(), .flat = true};
  builder.describe({.name = builder.name(), .kind = "flatten", .output = output.shape.text(), .implementation = ""});
  return output;
}

}  // namespace lockstep
