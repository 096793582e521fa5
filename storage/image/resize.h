// Another size of an image: antialiased bilinear (a triangle as wide as the pixels that one becomes), as Pillow's
// Image.resize(BILINEAR) does it; first the lines, then the columns, each rounded to a whole value. In whole numbers,
// so that every machine gives the same pixels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "storage/image/image.h"

namespace lockstep {

enum class Fit {
  kCrop,   // the smallest of its shape that covers the size, of which the middle is kept
  kPad,    // the largest of its shape that fits in, in the middle of the background
  kExact,  // the shape of the size, whatever its own is
};

// Requires: height and width of at least 1.
Image resized(const Image& image, int height, int width);

// `background` of as many channels as count: grey takes the first. Requires: 1 or 3 channels.
Image fitted(const Image& image, int height, int width, Fit fit, std::array<std::uint8_t, 3> background);

// The same fit without values between: which stored line and column each one of the result is, the one in which its
// middle lies; -1: none, it is in the background. Requires: all of at least 1.
struct NearestPlaces {
  std::vector<int> lines, columns;
};
NearestPlaces nearest_places(int height, int width, int to_height, int to_width, Fit fit);

}  // namespace lockstep
