// The mean of the images of a split, and the range of their values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// Pixels as they count: value / full_scale(). Requires: as many.
void to_values(PixelType type, std::span<const std::byte> stored, std::span<float> values);

// Of the rows that sample_pixels looks at, which of a small split are all. What is not finite is left out.
struct MeanImage {
  std::vector<float> values;  // (height, width, channels)
  std::int64_t rows = 0;
  float smallest = 0, largest = 1;  // of single values; the same only where all are
};

// Errors: those of Dataset::read.
StatusOr<MeanImage> mean_image(Dataset& dataset);

}  // namespace lockstep
