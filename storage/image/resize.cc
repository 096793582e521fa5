#include "storage/image/resize.h"

#include <algorithm>
#include <cstring>

#include "storage/image/resample.h"

namespace lockstep {
namespace {

// `image` in the middle of a larger one of the background.
Image padded(const Image& image, int height, int width, std::array<std::uint8_t, 3> background) {
  Image made{height, width, image.channels, image.bits, {}};
  made.pixels.resize(made.row_bytes() * std::size_t(height));
  const std::size_t each = std::size_t(made.bits / 8), pixel = std::size_t(made.channels) * each;
  for (std::size_t i = 0; i < made.pixels.size(); ++i) {
    made.pixels[i] = std::byte{background[i / each % std::size_t(made.channels)]};  // of 16 bits: value * 257
  }
  const auto top = std::size_t(height - image.height) / 2, left = std::size_t(width - image.width) / 2;
  for (std::size_t y = 0; y < std::size_t(image.height); ++y) {
    std::memcpy(made.pixels.data() + (top + y) * made.row_bytes() + left * pixel,
                image.pixels.data() + y * image.row_bytes(), image.row_bytes());
  }
  return made;
}

}  // namespace

Image resized(const Image& image, int height, int width) {
  if (height == image.height && width == image.width) return image;
  return resampled(image, {height, width, 0, 0, height, width});
}

Image fitted(const Image& image, int height, int width, Fit fit, std::array<std::uint8_t, 3> background) {
  if (fit == Fit::kExact) return resized(image, height, width);
  // The side that decides keeps its size; the other one follows, in whole pixels.
  const bool by_width =
      (std::int64_t(width) * image.height >= std::int64_t(height) * image.width) == (fit == Fit::kCrop);
  const auto follows = [](std::int64_t side, std::int64_t of, std::int64_t stored) {
    return std::max<std::int64_t>(1, (2 * stored * side + of) / (2 * of));
  };
  const std::int64_t whole_height = by_width ? follows(width, image.width, image.height) : height;
  const std::int64_t whole_width = by_width ? width : follows(height, image.height, image.width);
  if (whole_height == height && whole_width == width) return resized(image, height, width);
  if (fit == Fit::kPad) return padded(resized(image, int(whole_height), int(whole_width)), height, width, background);
  return resampled(image,
                   {whole_height, whole_width, (whole_height - height) / 2, (whole_width - width) / 2, height, width});
}

}  // namespace lockstep
