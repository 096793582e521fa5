#include "trainer/data/random_transforms.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "storage/base/status.h"
#include "trainer/data/colour.h"

namespace lockstep {
namespace {

constexpr int kTries = 10;
constexpr int kRowBits = 40;
static_assert(kRowLimit == std::int64_t{1} << kRowBits);

double draw(double least, double most, Philox& random) {
  return least + (most - least) * double(random.uniform());
}

int draw_first(int size, int part, Philox& random) {
  return static_cast<int>(random.below(static_cast<std::uint32_t>(size - part + 1)));
}

struct Shapes {
  double least_area, most_area;    // shares of the image
  double least_ratio, most_ratio;  // of the first side by the second
};

struct Sides {
  int first = 0, second = 0;
};

// Sides of a window of such an area and ratio; none when it does not fit after all tries.
std::optional<Sides> draw_sides(const Shapes& shapes, double area, Sides most, Philox& random) {
  const double least_log = std::log(shapes.least_ratio), most_log = std::log(shapes.most_ratio);
  for (int i = 0; i < kTries; ++i) {
    const double wanted = area * draw(shapes.least_area, shapes.most_area, random);
    const double ratio = std::exp(draw(least_log, most_log, random));
    const double first = std::nearbyint(std::sqrt(wanted * ratio));
    const double second = std::nearbyint(std::sqrt(wanted / ratio));
    if (first >= 1 && first <= most.first && second >= 1 && second <= most.second) {
      return Sides{int(first), int(second)};
    }
  }
  return std::nullopt;
}

int side(double length, int most) {
  return int(std::clamp(std::nearbyint(length), 1.0, double(most)));
}

float probability_of(const proto::Transform& transform) {
  switch (transform.kind_case()) {
    case proto::Transform::kVerticalFlip:
      return transform.vertical_flip().probability();
    case proto::Transform::kRandomResizedCrop:
      return transform.random_resized_crop().probability();
    case proto::Transform::kAffine:
      return transform.affine().probability();
    case proto::Transform::kBrightness:
      return transform.brightness().probability();
    case proto::Transform::kContrast:
      return transform.contrast().probability();
    case proto::Transform::kSaturation:
      return transform.saturation().probability();
    case proto::Transform::kHue:
      return transform.hue().probability();
    case proto::Transform::kRandomErasing:
      return transform.random_erasing().probability();
    case proto::Transform::KIND_NOT_SET:
      break;
  }
  CHECK(false, "a transform without a kind");
  return 0;
}

// Of the changes that move pixels and are no flip; else nothing.
std::optional<Warp> draw_warp(const ImageShape& shape, const proto::Transform& transform, Philox& random) {
  if (transform.has_random_resized_crop()) {
    return window_warp(shape, draw_window(shape, transform.random_resized_crop(), random));
  }
  if (!transform.has_affine()) return std::nullopt;
  const proto::Affine& affine = transform.affine();
  return affine_warp(shape, draw_affine(shape, affine, random), affine.border() == proto::BORDER_EDGE);
}

}  // namespace

Philox transform_stream(std::uint64_t seed, std::int64_t epoch, std::int64_t row, std::size_t place) {
  CHECK(row < kRowLimit && place < kTransformLimit);
  return {seed, Purpose::kTransform, static_cast<std::uint32_t>(epoch),
          static_cast<std::uint64_t>(row) | std::uint64_t{place} << kRowBits};
}

Window draw_window(const ImageShape& shape, const proto::RandomResizedCrop& crop, Philox& random) {
  const int height = shape.height, width = shape.width;
  const Shapes shapes{crop.min_scale(), crop.max_scale(), crop.min_ratio(), crop.max_ratio()};
  if (const auto sides = draw_sides(shapes, double(shape.pixels()), {width, height}, random)) {
    Window window{.height = sides->second, .width = sides->first};
    window.top = draw_first(height, window.height, random);
    window.left = draw_first(width, window.width, random);
    return window;
  }
  Window window{.height = height, .width = width};
  const double ratio = double(width) / height;
  if (ratio < shapes.least_ratio) window.height = side(width / shapes.least_ratio, height);
  if (ratio > shapes.most_ratio) window.width = side(height * shapes.most_ratio, width);
  window.top = (height - window.height) / 2;
  window.left = (width - window.width) / 2;
  return window;
}

AffineNumbers draw_affine(const ImageShape& shape, const proto::Affine& affine, Philox& random) {
  AffineNumbers numbers;
  const double degrees = affine.degrees(), share = affine.translation(), shear = affine.shear();
  numbers.degrees = draw(-degrees, degrees, random);
  numbers.translation_x = shape.width * draw(-share, share, random);
  numbers.translation_y = shape.height * draw(-share, share, random);
  numbers.scale = draw(affine.min_scale(), affine.max_scale(), random);
  numbers.shear = draw(-shear, shear, random);
  return numbers;
}

Window draw_erased(const ImageShape& shape, const proto::RandomErasing& erasing, Philox& random) {
  const Shapes shapes{erasing.min_share(), erasing.max_share(), erasing.min_ratio(), erasing.max_ratio()};
  const auto sides = draw_sides(shapes, double(shape.pixels()), {shape.height, shape.width}, random);
  if (!sides) return {};
  Window window{.height = sides->first, .width = sides->second};
  window.top = draw_first(shape.height, window.height, random);
  window.left = draw_first(shape.width, window.width, random);
  return window;
}

float draw_factor(float amount, Philox& random) {
  return float(draw(std::max(0.0, 1 - double(amount)), 1 + double(amount), random));
}

RandomTransforms::RandomTransforms(const ImageShape& shape, std::span<const float> mean, const List& list,
                                   std::uint64_t seed, std::size_t first)
    : shape_(shape), mean_(mean.begin(), mean.end()), list_(list.begin(), list.end()), seed_(seed), first_(first) {
  CHECK(mean.size() == static_cast<std::size_t>(shape.channels));
  if (!empty()) before_.resize(shape.elements());
}

template <typename Change>
void RandomTransforms::for_each(std::int64_t epoch, std::int64_t row, const Change& change) const {
  for (std::size_t place = first_; place < list_.size(); ++place) {
    Philox random = transform_stream(seed_, epoch, row, place);
    if (random.uniform() < probability_of(list_[place])) change(list_[place], random);
  }
}

void RandomTransforms::apply(std::int64_t epoch, std::int64_t row, std::span<float> image) {
  CHECK(image.size() == shape_.elements());
  for_each(epoch, row,
           [&](const proto::Transform& transform, Philox& random) { change_image(transform, random, image); });
}

void RandomTransforms::apply_to_mask(std::int64_t epoch, std::int64_t row, std::span<float> mask) {
  CHECK(mask.size() == shape_.pixels());
  for_each(epoch, row, [&](const proto::Transform& transform, Philox& random) {
    if (transform.has_vertical_flip()) return flip_lines(shape_, mask);
    const auto drawn = draw_warp(shape_, transform, random);
    if (!drawn) return;
    const std::span before = std::span(before_).first(mask.size());
    std::ranges::copy(mask, before.begin());
    warp_mask(*drawn, shape_, before, mask);
  });
}

void RandomTransforms::change_image(const proto::Transform& transform, Philox& random, std::span<float> image) {
  if (const auto drawn = draw_warp(shape_, transform, random)) return warp(*drawn, image);
  switch (transform.kind_case()) {
    case proto::Transform::kVerticalFlip:
      return flip_lines(shape_, image);
    case proto::Transform::kBrightness:
      return change_brightness(draw_factor(transform.brightness().amount(), random), image);
    case proto::Transform::kContrast:
      return change_contrast(draw_factor(transform.contrast().amount(), random), shape_.channels, image);
    case proto::Transform::kSaturation:
      return change_saturation(draw_factor(transform.saturation().amount(), random), image);
    case proto::Transform::kHue: {
      const double amount = transform.hue().amount();
      return turn_hue(float(draw(-amount, amount, random)), image);
    }
    case proto::Transform::kRandomErasing:
      return erase(draw_erased(shape_, transform.random_erasing(), random), image);
    default:
      return;
  }
}

void RandomTransforms::erase(const Window& window, std::span<float> image) const {
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    for (int y = window.top; y < window.top + window.height; ++y) {
      const std::size_t line = c * shape_.pixels() + std::size_t(y) * std::size_t(shape_.width);
      std::ranges::fill(image.subspan(line + std::size_t(window.left), std::size_t(window.width)), mean_[c]);
    }
  }
}

void RandomTransforms::warp(const Warp& warp, std::span<float> image) {
  std::ranges::copy(image, before_.begin());
  warp_image(warp, shape_, before_, mean_, image);
}

}  // namespace lockstep
