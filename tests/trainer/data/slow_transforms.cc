#include "tests/trainer/data/slow_transforms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include "storage/task/target.h"

namespace lockstep {
namespace {

double drawn(double least, double most, Philox& random) {
  return least + (most - least) * random.uniform();
}

struct Place {
  double x, y;
};
using Bounds = std::array<int, 4>;  // left, right, top, bottom: the pixels that are there

double pixel(const SlowRow& row, int c, int y, int x, const Bounds& there, bool edge, std::span<const float> mean) {
  const auto [left, right, top, bottom] = there;
  if (edge) {
    x = std::clamp(x, left, right);
    y = std::clamp(y, top, bottom);
  }
  if (x < left || x > right || y < top || y > bottom) return double(mean[std::size_t(c)]);
  return row.image[std::size_t((c * row.shape.height + y) * row.shape.width + x)];
}

bool near_a_tie(double at) {
  return std::abs(at - std::floor(at) - 0.5) < 1e-9;
}

void resample(SlowRow& row, const std::function<Place(int, int)>& source, const Bounds& there, bool edge,
              std::span<const float> mean) {
  const SlowRow before = row;
  const auto [channels, height, width] = row.shape;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Place from = source(x, y);
      const int left = int(std::floor(from.x)), top = int(std::floor(from.y));
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        for (int dy = 0; dy < 2; ++dy) {
          for (int dx = 0; dx < 2; ++dx) {
            sum += (1 - std::abs(from.x - (left + dx))) * (1 - std::abs(from.y - (top + dy))) *
                   pixel(before, c, top + dy, left + dx, there, edge, mean);
          }
        }
        row.image[std::size_t((c * height + y) * width + x)] = sum;
      }
      const int column = int(std::floor(from.x + 0.5)), line = int(std::floor(from.y + 0.5));
      const bool inside = column >= there[0] && column <= there[1] && line >= there[2] && line <= there[3];
      const auto to = std::size_t(y * width + x), at = std::size_t(line * width + column);
      row.mask[to] = inside ? before.mask[at] : kIgnored;
      row.uncertain[to] = near_a_tie(from.x) || near_a_tie(from.y) || (inside && before.uncertain[at]);
    }
  }
}

void flip(SlowRow& row) {
  const SlowRow before = row;
  const auto [channels, height, width] = row.shape;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto to = std::size_t(y * width + x), from = std::size_t((height - 1 - y) * width + x);
      for (std::size_t c = 0; c < std::size_t(channels); ++c) {
        row.image[c * row.shape.pixels() + to] = before.image[c * row.shape.pixels() + from];
      }
      row.mask[to] = before.mask[from];
      row.uncertain[to] = before.uncertain[from];
    }
  }
}

struct Sides {
  int width = 0, height = 0;
};

// Zero: nothing has fitted.
Sides sides(double least, double most, double least_ratio, double most_ratio, bool height_by_width,
            const ImageShape& shape, Philox& random) {
  for (int i = 0; i < 10; ++i) {
    const double area = double(shape.pixels()) * drawn(least, most, random);
    const double ratio = std::exp(drawn(std::log(least_ratio), std::log(most_ratio), random));
    double width = std::rint(std::sqrt(area * ratio)), height = std::rint(std::sqrt(area / ratio));
    if (height_by_width) std::swap(width, height);
    if (width > 0 && width <= shape.width && height > 0 && height <= shape.height) return {int(width), int(height)};
  }
  return {};
}

void crop(const proto::RandomResizedCrop& crop, Philox& random, std::span<const float> mean, SlowRow& row) {
  const auto [channels, height, width] = row.shape;
  Sides size = sides(crop.min_scale(), crop.max_scale(), crop.min_ratio(), crop.max_ratio(), false, row.shape, random);
  int top = 0, left = 0;
  if (size.width > 0) {
    top = int(random.below(std::uint32_t(height - size.height + 1)));
    left = int(random.below(std::uint32_t(width - size.width + 1)));
  } else {
    size = {width, height};
    if (double(width) / height < crop.min_ratio()) {
      size.height = std::max(1, int(std::rint(width / double(crop.min_ratio()))));
    } else if (double(width) / height > crop.max_ratio()) {
      size.width = std::max(1, int(std::rint(height * double(crop.max_ratio()))));
    }
    top = (height - size.height) / 2;
    left = (width - size.width) / 2;
  }
  const auto source = [&, shape = row.shape](int x, int y) {
    return Place{left + (x + 0.5) * size.width / shape.width - 0.5, top + (y + 0.5) * size.height / shape.height - 0.5};
  };
  resample(row, source, {left, left + size.width - 1, top, top + size.height - 1}, true, mean);
}

using Matrix = std::array<double, 4>;  // (0, 1; 2, 3)

Matrix times(const Matrix& a, const Matrix& b) {
  return {a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3]};
}

// The matrices of the steps one after another, inverted by Cramer's rule.
void warp(const proto::Affine& affine, Philox& random, std::span<const float> mean, SlowRow& row) {
  const auto [channels, height, width] = row.shape;
  const double radian = std::numbers::pi / 180;
  const double angle = radian * drawn(-double(affine.degrees()), affine.degrees(), random);
  const double right = width * drawn(-double(affine.translation()), affine.translation(), random);
  const double down = height * drawn(-double(affine.translation()), affine.translation(), random);
  const double scale = drawn(affine.min_scale(), affine.max_scale(), random);
  const double slope = std::tan(radian * drawn(-double(affine.shear()), affine.shear(), random));
  const Matrix shear = {1, -slope, 0, 1}, enlarge = {scale, 0, 0, scale};
  const Matrix turn = {std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)};
  const Matrix all = times(turn, times(enlarge, shear));
  const double determinant = all[0] * all[3] - all[1] * all[2];
  const double middle_x = (width - 1) / 2.0, middle_y = (height - 1) / 2.0;
  const auto source = [&](int x, int y) {
    const double dx = x - middle_x - right, dy = y - middle_y - down;
    return Place{middle_x + (all[3] * dx - all[1] * dy) / determinant,
                 middle_y + (all[0] * dy - all[2] * dx) / determinant};
  };
  resample(row, source, {0, width - 1, 0, height - 1}, affine.border() == proto::BORDER_EDGE, mean);
}

void erase(const proto::RandomErasing& erasing, Philox& random, std::span<const float> mean, SlowRow& row) {
  const Sides size = sides(erasing.min_share(), erasing.max_share(), erasing.min_ratio(), erasing.max_ratio(), true,
                           row.shape, random);
  if (size.width == 0) return;
  const int top = int(random.below(std::uint32_t(row.shape.height - size.height + 1)));
  const int left = int(random.below(std::uint32_t(row.shape.width - size.width + 1)));
  for (int c = 0; c < row.shape.channels; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        row.image[std::size_t((c * row.shape.height + top + y) * row.shape.width + left + x)] =
            double(mean[std::size_t(c)]);
      }
    }
  }
}

using Colour = std::array<double, 3>;

double grey_of(const Colour& colour) {
  return 0.2989 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
}

void each_pixel(SlowRow& row, const std::function<Colour(const Colour&)>& change) {
  const std::size_t pixels = row.shape.pixels();
  for (std::size_t i = 0; i < pixels; ++i) {
    const Colour changed = change({row.image[i], row.image[pixels + i], row.image[2 * pixels + i]});
    for (std::size_t c = 0; c < 3; ++c) row.image[c * pixels + i] = changed[c];
  }
}

double factor(double amount, Philox& random) {
  return drawn(std::max(0.0, 1 - amount), 1 + amount, random);
}

void blend(double share, const std::vector<double>& other, SlowRow& row) {
  for (std::size_t i = 0; i < row.image.size(); ++i) {
    row.image[i] = std::clamp(share * row.image[i] + (1 - share) * other[i], 0.0, 1.0);
  }
}

std::vector<double> grey_image(const SlowRow& row) {
  SlowRow grey = row;
  if (row.shape.channels == 3) {
    each_pixel(grey, [](const Colour& colour) {
      const double value = grey_of(colour);
      return Colour{value, value, value};
    });
  }
  return grey.image;
}

// To hue, saturation and value, and back by the six cases (Smith 1978, "Color gamut transform pairs").
Colour turned(const Colour& colour, double share) {
  const double value = std::ranges::max(colour), least = std::ranges::min(colour), range = value - least;
  if (range == 0) return colour;
  const auto [red, green, blue] = colour;
  double hue = value == red     ? (green - blue) / range
               : value == green ? 2 + (blue - red) / range
                                : 4 + (red - green) / range;
  hue = hue / 6 + share;
  hue -= std::floor(hue);
  const double saturation = range / value;
  const int sixth = int(hue * 6) % 6;
  const double part = hue * 6 - int(hue * 6);
  const double low = value * (1 - saturation), falling = value * (1 - saturation * part),
               rising = value * (1 - saturation * (1 - part));
  const Colour cases[] = {{value, rising, low},  {falling, value, low}, {low, value, rising},
                          {low, falling, value}, {rising, low, value},  {value, low, falling}};
  return cases[sixth];
}

}  // namespace

void change_slowly(const proto::Transform& transform, std::span<const float> mean, Philox random, SlowRow& row) {
  const double chance = random.uniform();
  if (transform.has_vertical_flip() && chance < transform.vertical_flip().probability()) flip(row);
  if (transform.has_random_resized_crop() && chance < transform.random_resized_crop().probability()) {
    crop(transform.random_resized_crop(), random, mean, row);
  }
  if (transform.has_affine() && chance < transform.affine().probability()) warp(transform.affine(), random, mean, row);
  if (transform.has_brightness() && chance < transform.brightness().probability()) {
    blend(factor(transform.brightness().amount(), random), std::vector<double>(row.image.size()), row);
  }
  if (transform.has_contrast() && chance < transform.contrast().probability()) {
    const std::vector<double> grey = grey_image(row);
    double mean_grey = 0;
    for (const double value : grey) mean_grey += value / double(grey.size());
    blend(factor(transform.contrast().amount(), random), std::vector<double>(row.image.size(), mean_grey), row);
  }
  if (transform.has_saturation() && chance < transform.saturation().probability()) {
    blend(factor(transform.saturation().amount(), random), grey_image(row), row);
  }
  if (transform.has_hue() && chance < transform.hue().probability()) {
    const double amount = transform.hue().amount(), share = drawn(-amount, amount, random);
    each_pixel(row, [&](const Colour& colour) { return turned(colour, share); });
  }
  if (transform.has_random_erasing() && chance < transform.random_erasing().probability()) {
    erase(transform.random_erasing(), random, mean, row);
  }
}

}  // namespace lockstep
