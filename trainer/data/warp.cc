#include "trainer/data/warp.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "storage/base/status.h"

namespace lockstep {
namespace {

// Bounds of a coordinate: beyond them nothing changes.
struct Range {
  int first, last;  // pixels that are there
  double least, most;
};

Range range_of(int first, int size, bool edge) {
  const int last = first + size - 1;
  return {first, last, double(first - (edge ? 0 : 1)), double(last + (edge ? 0 : 1))};
}

// A place between four pixels: the upper left one of them, and the weights of the right and of the lower ones.
struct Between {
  int column, line;
  float right, down;
};

Between between_pixels(double x, double y, const Range& xs, const Range& ys) {
  x = std::clamp(x, xs.least, xs.most);
  y = std::clamp(y, ys.least, ys.most);
  const double left = std::floor(x), top = std::floor(y);
  return {int(left), int(top), float(x - left), float(y - top)};
}

float mixed(float a, float b, float weight) {
  return std::fma(weight, b - a, a);
}

// Of the four pixels, line by line.
float value_at(const Between& place, float a, float b, float c, float d) {
  return mixed(mixed(a, b, place.right), mixed(c, d, place.right), place.down);
}

}  // namespace

Warp affine_warp(const ImageShape& shape, const AffineNumbers& numbers, bool edge) {
  constexpr double kDegree = std::numbers::pi / 180;
  const double cosine = std::cos(numbers.degrees * kDegree), sine = std::sin(numbers.degrees * kDegree);
  const double shear = std::tan(numbers.shear * kDegree);
  const double middle_x = (shape.width - 1) / 2.0, middle_y = (shape.height - 1) / 2.0;
  Warp warp{.there = {0, 0, shape.height, shape.width}, .edge = edge};
  // The inverse of scale * (cosine, -cosine * shear - sine; sine, cosine - sine * shear), which takes old places to
  // new.
  warp.xx = (cosine - sine * shear) / numbers.scale;
  warp.xy = (cosine * shear + sine) / numbers.scale;
  warp.yx = -sine / numbers.scale;
  warp.yy = cosine / numbers.scale;
  const double x = -middle_x - numbers.translation_x, y = -middle_y - numbers.translation_y;
  warp.x0 = warp.xx * x + warp.xy * y + middle_x;
  warp.y0 = warp.yx * x + warp.yy * y + middle_y;
  return warp;
}

Warp window_warp(const ImageShape& shape, const Window& window) {
  Warp warp{.there = window, .edge = true};
  warp.xx = double(window.width) / shape.width;
  warp.yy = double(window.height) / shape.height;
  warp.x0 = window.left + (warp.xx - 1) / 2;
  warp.y0 = window.top + (warp.yy - 1) / 2;
  return warp;
}

void warp_image(const Warp& warp, const ImageShape& shape, std::span<const float> in, std::span<const float> outside,
                std::span<float> out) {
  CHECK(in.size() == shape.elements() && out.size() == in.size() && in.data() != out.data());
  const Range xs = range_of(warp.there.left, warp.there.width, warp.edge);
  const Range ys = range_of(warp.there.top, warp.there.height, warp.edge);
  const auto plane = static_cast<std::ptrdiff_t>(shape.pixels());
  float* to = out.data();
  for (int y = 0; y < shape.height; ++y) {
    const double x_of_line = std::fma(warp.xy, y, warp.x0), y_of_line = std::fma(warp.yy, y, warp.y0);
    for (int x = 0; x < shape.width; ++x, ++to) {
      const Between place = between_pixels(std::fma(warp.xx, x, x_of_line), std::fma(warp.yx, x, y_of_line), xs, ys);
      if (place.column >= xs.first && place.column < xs.last && place.line >= ys.first && place.line < ys.last) {
        const float* from = in.data() + std::ptrdiff_t{place.line} * shape.width + place.column;
        for (int c = 0; c < shape.channels; ++c, from += plane) {
          to[c * plane] = value_at(place, from[0], from[1], from[shape.width], from[shape.width + 1]);
        }
        continue;
      }
      for (int c = 0; c < shape.channels; ++c) {
        const auto pixel = [&](int right, int down) {
          const int column = place.column + right, line = place.line + down;
          const bool inside = column >= xs.first && column <= xs.last && line >= ys.first && line <= ys.last;
          // At the edge the pixel that is not there has no weight.
          return inside ? in[std::size_t(c * plane + std::ptrdiff_t{line} * shape.width + column)]
                        : outside[static_cast<std::size_t>(c)];
        };
        to[c * plane] = value_at(place, pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1));
      }
    }
  }
}

void warp_mask(const Warp& warp, const ImageShape& shape, std::span<const float> in, std::span<float> out) {
  CHECK(in.size() == shape.pixels() && out.size() == in.size() && in.data() != out.data());
  const Range xs = range_of(warp.there.left, warp.there.width, false);
  const Range ys = range_of(warp.there.top, warp.there.height, false);
  float* to = out.data();
  for (int y = 0; y < shape.height; ++y) {
    const double x_of_line = std::fma(warp.xy, y, warp.x0), y_of_line = std::fma(warp.yy, y, warp.y0);
    for (int x = 0; x < shape.width; ++x, ++to) {
      const double from_x = std::clamp(std::fma(warp.xx, x, x_of_line), xs.least, xs.most);
      const double from_y = std::clamp(std::fma(warp.yx, x, y_of_line), ys.least, ys.most);
      const int column = int(std::floor(from_x + 0.5)), line = int(std::floor(from_y + 0.5));
      const bool inside = column >= xs.first && column <= xs.last && line >= ys.first && line <= ys.last;
      *to = inside ? in[std::size_t(line) * std::size_t(shape.width) + std::size_t(column)] : kIgnored;
    }
  }
}

void flip_lines(const ImageShape& shape, std::span<float> planes) {
  CHECK(planes.size() % shape.pixels() == 0);
  const std::ptrdiff_t width = shape.width;
  for (auto plane = planes.begin(); plane != planes.end(); plane += std::ptrdiff_t(shape.pixels())) {
    for (int y = 0; y < shape.height / 2; ++y) {
      std::swap_ranges(plane + y * width, plane + (y + 1) * width, plane + (shape.height - 1 - y) * width);
    }
  }
}

}  // namespace lockstep
