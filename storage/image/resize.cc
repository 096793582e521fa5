#include "storage/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace lockstep {
namespace {

constexpr int kWeightBits = 22;  // a sum of 16-bit values times weights is below 2^39

// The stored values that one of a line is made of.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;  // their sum is 2^kWeightBits, to the rounding
};

// Of every place of a line of `to` places over one of `from`.
std::vector<Window> windows(int from, int to) {
  const double scale = double(from) / double(to);
  const double radius = std::max(scale, 1.0);
  std::vector<Window> all;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, int(centre - radius + 0.5));
    const int end = std::min(from, int(centre + radius + 0.5));
    std::vector<double> shares;
    double sum = 0;
    for (int at = first; at < end; ++at) {
      shares.push_back(std::max(0.0, 1 - std::abs((at - centre + 0.5) / radius)));
      sum += shares.back();
    }
    Window window{first, {}};
    for (const double share : shares)
      window.weights.push_back(std::int32_t(std::lround(share / sum * (1 << kWeightBits))));
    all.push_back(std::move(window));
  }
  return all;
}

template <typename T>
T rounded(std::int64_t sum) {
  return static_cast<T>(std::clamp<std::int64_t>((sum + (1 << (kWeightBits - 1))) >> kWeightBits, 0, T(~T{0})));
}

template <typename T>
void resize_lines(const Image& image, Image& made) {
  const std::vector<Window> places = windows(image.width, made.width);
  const auto channels = std::size_t(image.channels);
  for (int y = 0; y < image.height; ++y) {
    const T* line = reinterpret_cast<const T*>(image.pixels.data() + std::size_t(y) * image.row_bytes());
    T* to = reinterpret_cast<T*>(made.pixels.data() + std::size_t(y) * made.row_bytes());
    for (const Window& place : places) {
      for (std::size_t c = 0; c < channels; ++c) {
        std::int64_t sum = 0;
        const T* from = line + std::size_t(place.first) * channels + c;
        for (const std::int32_t weight : place.weights) {
          sum += std::int64_t(weight) * *from;
          from += channels;
        }
        *to++ = rounded<T>(sum);
      }
    }
  }
}

template <typename T>
void resize_columns(const Image& image, Image& made) {
  const std::size_t values = std::size_t(image.width) * std::size_t(image.channels);
  std::vector<std::int64_t> sums(values);
  T* to = reinterpret_cast<T*>(made.pixels.data());
  for (const Window& place : windows(image.height, made.height)) {
    std::ranges::fill(sums, 0);
    const T* line = reinterpret_cast<const T*>(image.pixels.data()) + std::size_t(place.first) * values;
    for (const std::int32_t weight : place.weights) {
      for (std::size_t i = 0; i < values; ++i) sums[i] += std::int64_t(weight) * line[i];
      line += values;
    }
    for (const std::int64_t sum : sums) *to++ = rounded<T>(sum);
  }
}

Image empty_image(int height, int width, const Image& like) {
  Image made{height, width, like.channels, like.bits, {}};
  made.pixels.resize(made.row_bytes() * std::size_t(height));
  return made;
}

struct Size {
  int height = 0, width = 0;
};

// Of the whole picture, before its middle is kept or it is put in the middle.
Size whole_size(Size stored, Size made, Fit fit) {
  if (fit == Fit::kExact) return made;
  // The side that decides keeps its size; the other one follows, in whole pixels.
  const bool by_width =
      (std::int64_t(made.width) * stored.height >= std::int64_t(made.height) * stored.width) == (fit == Fit::kCrop);
  const auto follows = [](int side, int of, int other) {
    return int(std::max<std::int64_t>(1, (2 * std::int64_t(other) * side + of) / (2 * std::int64_t(of))));
  };
  return by_width ? Size{follows(made.width, stored.width, stored.height), made.width}
                  : Size{made.height, follows(made.height, stored.height, stored.width)};
}

// Where the part of a length of `from` that fits into `to` begins, there and here: what does not is left out at both
// ends alike.
std::pair<int, int> middle(int from, int to) {
  return {std::max(0, from - to) / 2, std::max(0, to - from) / 2};
}

// `image` in the middle of `made`.
void put_in_middle(const Image& image, Image& made) {
  const std::size_t pixel = std::size_t(image.channels) * std::size_t(image.bits / 8);
  const auto [first_line, to_first_line] = middle(image.height, made.height);
  const auto [first_column, to_first_column] = middle(image.width, made.width);
  const auto line = std::size_t(first_line), to_line = std::size_t(to_first_line);
  const auto column = std::size_t(first_column), to_column = std::size_t(to_first_column);
  const std::size_t bytes = std::size_t(std::min(image.width, made.width)) * pixel;
  for (std::size_t y = 0; y < std::size_t(std::min(image.height, made.height)); ++y) {
    std::memcpy(made.pixels.data() + (to_line + y) * made.row_bytes() + to_column * pixel,
                image.pixels.data() + (line + y) * image.row_bytes() + column * pixel, bytes);
  }
}

Image background_image(int height, int width, const Image& like, std::array<std::uint8_t, 3> background) {
  Image made = empty_image(height, width, like);
  const std::size_t values = made.pixels.size() / std::size_t(made.bits / 8);
  for (std::size_t i = 0; i < values; ++i) {
    const std::uint8_t value = background[i % std::size_t(made.channels)];
    made.pixels[made.bits == 8 ? i : 2 * i] = std::byte{value};
    if (made.bits == 16) made.pixels[2 * i + 1] = std::byte{value};  // value * 257
  }
  return made;
}

}  // namespace

Image resized(const Image& image, int height, int width) {
  CHECK(height >= 1 && width >= 1, "{} x {}", height, width);
  Image made = image;
  const bool bytes = image.bits == 8;
  if (width != image.width) {
    Image next = empty_image(made.height, width, made);
    bytes ? resize_lines<std::uint8_t>(made, next) : resize_lines<std::uint16_t>(made, next);
    made = std::move(next);
  }
  if (height != image.height) {
    Image next = empty_image(height, width, made);
    bytes ? resize_columns<std::uint8_t>(made, next) : resize_columns<std::uint16_t>(made, next);
    made = std::move(next);
  }
  return made;
}

Image fitted(const Image& image, int height, int width, Fit fit, std::array<std::uint8_t, 3> background) {
  const Size size = whole_size({image.height, image.width}, {height, width}, fit);
  const Image whole = resized(image, size.height, size.width);
  if (whole.height == height && whole.width == width) return whole;
  Image made = background_image(height, width, image, background);
  put_in_middle(whole, made);
  return made;
}

NearestPlaces nearest_places(int height, int width, int to_height, int to_width, Fit fit) {
  CHECK(height >= 1 && width >= 1 && to_height >= 1 && to_width >= 1, "{} x {}", to_height, to_width);
  const Size whole = whole_size({height, width}, {to_height, to_width}, fit);
  const auto places = [](int stored, int whole_length, int made) {
    const auto [first, to_first] = middle(whole_length, made);
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
