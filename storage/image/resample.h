// The arithmetic of resize: weights in whole numbers, and one pass over the stored lines that takes no more memory than
// some lines.
#pragma once

#include <cstdint>

#include "storage/image/image.h"

namespace lockstep {

// What is wanted of a picture that becomes `whole_height` x `whole_width`, which may be more than memory holds: as many
// lines and columns as `height` and `width`, from line `top` and column `left`.
struct PartOfWhole {
  std::int64_t whole_height = 0, whole_width = 0;
  std::int64_t top = 0, left = 0;
  int height = 0, width = 0;
};

// The pixels are those of the whole, cut. Requires: a part of at least 1 x 1 that lies in the whole.
Image resampled(const Image& image, const PartOfWhole& part);

}  // namespace lockstep
