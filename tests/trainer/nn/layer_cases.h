// The table of the gradient check: each kind of layer over shapes that kernels treat differently.
#pragma once

#include <span>

#include "storage/dataset/dataset.h"

namespace lockstep {

struct LayerCase {
  const char* name;
  int rows;
  ImageShape image;    // channels, height, width
  const char* layers;  // text proto; the test puts a dense layer behind. A dropout layer is named "drop", at rate 0.4
};

std::span<const LayerCase> layer_cases();

}  // namespace lockstep
