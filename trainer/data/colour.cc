#include "trainer/data/colour.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "storage/base/status.h"

namespace lockstep {
namespace {

float cut(float value) {
  return std::min(std::max(value, 0.0F), 1.0F);
}

float grey(float red, float green, float blue) {
  return std::fma(0.114F, blue, std::fma(0.587F, green, 0.2989F * red));
}

struct Colours {
  float *red, *green, *blue;
  std::size_t pixels;
};

Colours colours_of(std::span<float> image) {
  CHECK(image.size() % 3 == 0);
  const std::size_t pixels = image.size() / 3;
  return {image.data(), image.data() + pixels, image.data() + 2 * pixels, pixels};
}

// In lanes, so that the order of the sum is written, and it is fast.
template <typename Value>
float mean_of(std::size_t count, const Value& value) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += double(value(i + lane));
  }
  for (; i < count; ++i) sums[i % kLanes] += double(value(i));
  double sum = 0;
  for (const double part : sums) sum += part;
  return float(sum / double(count));
}

// What share of the chroma a primary colour lacks whose place on the circle lies five sixths of it, less its own,
// before `sixths`: all of it at 2, half at 0.5 and 3.5, none from 4 to 6. Requires: 0 to 11.
float lack(float sixths) {
  const float away = std::abs(sixths - 2);
  return cut(2 - std::min(away, std::abs(away - 6)));
}

}  // namespace

void change_brightness(float factor, std::span<float> image) {
  for (float& value : image) value = cut(value * factor);
}

void change_contrast(float factor, int channels, std::span<float> image) {
  CHECK(channels == 1 || channels == 3);
  float mean = 0;
  if (channels == 1) {
    mean = mean_of(image.size(), [&](std::size_t i) { return image.data()[i]; });
  } else {
    const auto [red, green, blue, pixels] = colours_of(image);
    mean = mean_of(pixels, [r = red, g = green, b = blue](std::size_t i) { return grey(r[i], g[i], b[i]); });
  }
  const float rest = (1 - factor) * mean;
  for (float& value : image) value = cut(std::fma(factor, value, rest));
}

void change_saturation(float factor, std::span<float> image) {
  const auto [red, green, blue, pixels] = colours_of(image);
  for (std::size_t i = 0; i < pixels; ++i) {
    const float rest = (1 - factor) * grey(red[i], green[i], blue[i]);
    red[i] = cut(std::fma(factor, red[i], rest));
    green[i] = cut(std::fma(factor, green[i], rest));
    blue[i] = cut(std::fma(factor, blue[i], rest));
  }
}

void turn_hue(float share, std::span<float> image) {
  const auto [red, green, blue, pixels] = colours_of(image);
  const float turn = 6 * share;
  for (std::size_t i = 0; i < pixels; ++i) {
    const float r = red[i], g = green[i], b = blue[i];
    const float value = std::max(std::max(r, g), b);
    const float chroma = value - std::min(std::min(r, g), b);
    const float unit = std::max(chroma, 1e-30F);  // no chroma: a hue, whichever, that does not show
    // In sixths of the circle: red is at 0, green at 2, blue at 4. Chosen among what is there, which takes no branches.
    const bool is_red = value == r, is_green = value == g;
    const float base_of_others = is_green ? 2.0F : 4.0F, base = is_red ? 0.0F : base_of_others;
    const float next_of_others = is_green ? b : r, next = is_red ? g : next_of_others;
    const float last_of_others = is_green ? r : g, last = is_red ? b : last_of_others;
    const float turned = base + (next - last) / unit + turn;
    const float hue = turned - 6 * std::floor(turned / 6);
    red[i] = std::fma(-chroma, lack(hue + 5), value);
    green[i] = std::fma(-chroma, lack(hue + 3), value);
    blue[i] = std::fma(-chroma, lack(hue + 1), value);
  }
}

}  // namespace lockstep
