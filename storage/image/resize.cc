#include "storage/image/resize.h"

#include <algorithm>
#include <cstring>

#include "storage/image/resample.h"

namespace lockstep {
namespace {

struct Size {
  std::int64_t height = 0, width = 0;
};

// Of the whole picture, before its middle is kept or it is put in the middle; it may be more than memory holds.
Size whole_size(Size stored, Size made, Fit fit) {
  if (fit == Fit::kExact) return made;
  // The side that decides keeps its size; the other one follows, in whole pixels.
  const bool by_width = (made.width * stored.height >= made.height * stored.width) == (fit == Fit::kCrop);
  const auto follows = [](std::int64_t side, std::int64_t of, std::int64_t other) {
    return std::max<std::int64_t>(1, (2 * other * side + of) / (2 * of));
  };
  return by_width ? Size{follows(made.width, stored.width, stored.height), made.width}
                  : Size{made.height, follows(made.height, stored.height, stored.width)};
}

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
  const Size whole = whole_size({image.height, image.width}, {height, width}, fit);
  if (whole.height == height && whole.width == width) return resized(image, height, width);
  if (fit == Fit::kPad) return padded(resized(image, int(whole.height), int(whole.width)), height, width, background);
  return resampled(image,
                   {whole.height, whole.width, (whole.height - height) / 2, (whole.width - width) / 2, height, width});
}

NearestPlaces nearest_places(int height, int width, int to_height, int to_width, Fit fit) {
  CHECK(height >= 1 && width >= 1 && to_height >= 1 && to_width >= 1, "{} x {}", to_height, to_width);
  const Size whole = whole_size({height, width}, {to_height, to_width}, fit);
  const auto places = [](int stored, std::int64_t whole_length, int made) {
    // What does not fit is left out at both ends alike, and so is what is missing.
    const std::int64_t first = std::max<std::int64_t>(0, whole_length - made) / 2;
    const std::int64_t to_first = std::max<std::int64_t>(0, made - whole_length) / 2;
    std::vector<int> all;
    for (int i = 0; i < made; ++i) {
      const std::int64_t at = i - to_first + first;
      const bool inside = at >= 0 && at < whole_length;
      all.push_back(inside ? int((2 * at + 1) * stored / (2 * std::int64_t(whole_length))) : -1);
    }
    return all;
  };
  return {places(height, whole.height, to_height), places(width, whole.width, to_width)};
}

}  // namespace lockstep
