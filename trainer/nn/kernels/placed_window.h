#pragma once

#include <cstdint>

#include "trainer/nn/kernels/onednn.h"

namespace lockstep {

// A window on an image of some size, and how often it fits.
struct PlacedWindow {
  onednn::Window window = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {0, 0}, .begin = {0, 0}, .end = {0, 0}};
  std::int64_t output_height = 1;
  std::int64_t output_width = 1;
};

}  // namespace lockstep
