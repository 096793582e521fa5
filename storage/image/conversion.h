// From what a file stores to what a network is given: alpha, channels, depth, orientation. In whole numbers, rounded to
// the nearest, so that every machine gives the same pixels.
#pragma once

#include <array>
#include <cstdint>

#include "storage/image/image.h"

namespace lockstep {

// Of 2 or 4 channels 1 or 3, composited on `background`: where that is no grey, of 2 channels 3.
Image without_alpha(Image image, std::array<std::uint8_t, 3> background);
// Of 1 channel 3, or of 3 channels 1: luma of ITU-R BT.601, 0.299 red + 0.587 green + 0.114 blue.
// Requires: no alpha; channels is 1 or 3.
Image with_channels(Image image, int channels);
// Of 16 bits 8, value / 257, or of 8 bits 16, value * 257.
Image with_bits(Image image, int bits);
// As it is to be seen; `orientation` as EXIF 2.32 numbers them: 1 is as stored, 3 turned by 180 degrees, 6 and 8 by 90;
// 2, 4, 5 and 7 mirrored as well.
Image turned(Image image, int orientation);

}  // namespace lockstep
