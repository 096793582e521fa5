#include "storage/image/conversion.h"

#include <cstring>
#include <utility>

namespace lockstep {
namespace {

// The values of an image, and where they go.
template <typename T>
const T* values_of(const Image& image) {
  return reinterpret_cast<const T*>(image.pixels.data());
}
template <typename T>
T* values_of(Image& image) {
  return reinterpret_cast<T*>(image.pixels.data());
}

std::size_t pixels_of(const Image& image) {
  return std::size_t(image.height) * std::size_t(image.width);
}

Image image_like(const Image& image, int channels, int bits) {
  Image made{image.height, image.width, channels, bits, {}};
  made.pixels.resize(made.row_bytes() * std::size_t(made.height));
  return made;
}

// Of 8 bits or of 16: `of_bytes` or `of_words`.
template <typename OfBytes, typename OfWords>
void by_bits(int bits, OfBytes of_bytes, OfWords of_words) {
  bits == 8 ? of_bytes(std::uint8_t{}) : of_words(std::uint16_t{});
}

template <typename T>
void composite(const Image& image, std::array<std::uint8_t, 3> background, Image& made) {
  constexpr std::uint64_t kFull = static_cast<T>(~T{0});
  const T* from = values_of<T>(image);
  T* to = values_of<T>(made);
  const int colours = image.channels - 1;
  for (std::size_t i = 0; i < pixels_of(image); ++i, from += image.channels, to += made.channels) {
    const std::uint64_t alpha = from[colours];
    for (int c = 0; c < made.channels; ++c) {
      const std::uint64_t value = from[colours == 1 ? 0 : c];
      const std::uint64_t behind = background[static_cast<std::size_t>(c)] * (kFull / 255);
      to[c] = static_cast<T>((value * alpha + behind * (kFull - alpha) + kFull / 2) / kFull);
    }
  }
}

template <typename T>
void grey_of(const Image& image, Image& made) {
  const T* from = values_of<T>(image);
  T* to = values_of<T>(made);
  for (std::size_t i = 0; i < pixels_of(image); ++i, from += 3) {
    to[i] = static_cast<T>((299U * from[0] + 587U * from[1] + 114U * from[2] + 500U) / 1000U);
  }
}

template <typename T>
void colour_of(const Image& image, Image& made) {
  const T* from = values_of<T>(image);
  T* to = values_of<T>(made);
  for (std::size_t i = 0; i < pixels_of(image); ++i, to += 3) to[0] = to[1] = to[2] = from[i];
}

}  // namespace

Image without_alpha(Image image, std::array<std::uint8_t, 3> background) {
  if (image.channels % 2 != 0) return image;
  const bool grey = image.channels == 2 && background[0] == background[1] && background[1] == background[2];
  Image made = image_like(image, grey ? 1 : 3, image.bits);
  const auto fill = [&]<typename T>(T) { composite<T>(image, background, made); };
  by_bits(image.bits, fill, fill);
  return made;
}

Image with_channels(Image image, int channels) {
  CHECK(image.channels % 2 != 0 && (channels == 1 || channels == 3), "{} channels of {}", channels, image.channels);
  if (image.channels == channels) return image;
  Image made = image_like(image, channels, image.bits);
  const auto fill = [&]<typename T>(T) { channels == 1 ? grey_of<T>(image, made) : colour_of<T>(image, made); };
  by_bits(image.bits, fill, fill);
  return made;
}

Image with_bits(Image image, int bits) {
  CHECK(bits == 8 || bits == 16, "{} bits", bits);
  if (image.bits == bits) return image;
  Image made = image_like(image, image.channels, bits);
  const std::size_t values = pixels_of(image) * std::size_t(image.channels);
  for (std::size_t i = 0; i < values; ++i) {
    if (bits == 8) {
      values_of<std::uint8_t>(made)[i] = static_cast<std::uint8_t>((values_of<std::uint16_t>(image)[i] + 128U) / 257U);
    } else {
      values_of<std::uint16_t>(made)[i] = static_cast<std::uint16_t>(values_of<std::uint8_t>(image)[i] * 257U);
    }
  }
  return made;
}

Image turned(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swaps = orientation >= 5;  // lines become columns
  Image made = image_like(image, image.channels, image.bits);
  if (swaps) std::swap(made.height, made.width);
  const bool mirror = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  // Where the seen pixel (y, x) is stored.
  const std::size_t pixel = std::size_t(image.channels) * std::size_t(image.bits / 8);
  std::byte* to = made.pixels.data();
  for (int y = 0; y < made.height; ++y) {
    for (int x = 0; x < made.width; ++x, to += pixel) {
      int line = swaps ? x : y;
      int column = swaps ? y : x;
      if (flip) line = image.height - 1 - line;
      if (mirror) column = image.width - 1 - column;
      const std::size_t at = std::size_t(line) * std::size_t(image.width) + std::size_t(column);
      std::memcpy(to, image.pixels.data() + at * pixel, pixel);
    }
  }
  return made;
}

}  // namespace lockstep
