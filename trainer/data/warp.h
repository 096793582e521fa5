// Images resampled: each pixel of the new image is taken from a place of the old one that an affine map gives.
// Planes are (channels, height, width); coordinates are (x, y) in pixels, centres at whole numbers.
// Threads: functions are independent.
#pragma once

#include <span>

#include "storage/dataset/dataset.h"

namespace lockstep {

struct Warp {
  // Pixel (x, y) comes from (xx x + xy y + x0, yx x + yy y + y0).
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;
  Window there;       // all that is seen of the old image
  bool edge = false;  // around it: its nearest pixel; else the colour that is given
};

struct AffineNumbers {
  double degrees = 0;                           // clockwise
  double translation_x = 0, translation_y = 0;  // in pixels, to the right and down
  double scale = 1;                             // above 0
  double shear = 0;                             // degrees, along the lines; below 90
};

// Sheared, then scaled, turned about the middle of the image, and shifted: torchvision.transforms.functional.affine.
Warp affine_warp(const ImageShape& shape, const AffineNumbers& numbers, bool edge);
// The window enlarged to the whole size: torchvision.transforms.functional.resized_crop.
Warp window_warp(const ImageShape& shape, const Window& window);

// Bilinear. `outside`: one value a channel. Requires: `in` and `out` are different memory.
void warp_image(const Warp& warp, const ImageShape& shape, std::span<const float> in, std::span<const float> outside,
                std::span<float> out);
// Nearest neighbour, one plane; kIgnored where a pixel comes from outside, whatever the border of the image.
void warp_mask(const Warp& warp, const ImageShape& shape, std::span<const float> in, std::span<float> out);

// Top to bottom, in place; of an image or a mask.
void flip_lines(const ImageShape& shape, std::span<float> planes);

}  // namespace lockstep
