#include "trainer/data/mixing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lockstep {
namespace {

// Streams of one slice: its permutation, and one a row.
Philox stream(std::uint64_t seed, std::int64_t step, int slice, std::uint32_t which) {
  constexpr int kSliceBits = 17;  // at most 65536 slices
  return {seed, Purpose::kMixing, which, std::uint64_t(step) << kSliceBits | std::uint64_t(slice)};
}

double positive_uniform(Philox& random) {
  return (double(random.next()) + 0.5) * 0x1p-32;
}

double draw_gamma(double alpha, Philox& random) {
  if (alpha < 1) {
    const double exponent = 1 / alpha;
    const double larger = draw_gamma(alpha + 1, random);
    return larger * std::pow(positive_uniform(random), exponent);
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const auto x = double(random.normal());
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(positive_uniform(random)) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

void draw_partners(Philox& random, std::span<Blend> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = {.partner = std::int32_t(i)};
  for (std::size_t i = out.size(); i > 1; --i) {
    std::swap(out[i - 1].partner, out[random.below(std::uint32_t(i))].partner);
  }
}

}  // namespace

float draw_beta(float alpha, Philox& random) {
  const double x = draw_gamma(double(alpha), random), y = draw_gamma(double(alpha), random);
  return x + y > 0 ? float(x / (x + y)) : 0.5F;  // both vanish where alpha is tiny
}

Mixing::Mixing(const ImageShape& shape, const proto::Augmentation& augmentation, std::uint64_t seed)
    : shape_(shape),
      mixup_(augmentation.mixup()),
      cut_mix_(augmentation.cut_mix()),
      has_mixup_(augmentation.has_mixup()),
      has_cut_mix_(augmentation.has_cut_mix()),
      seed_(seed) {}

// As the paper has it: sides are sqrt(1 - weight) of the image's, the middle is drawn evenly, and what is outside is
// cut off.
Window Mixing::draw_cut(float weight, Philox& random) const {
  const double share = std::sqrt(1 - double(weight));
  const auto along = [&](int extent) {
    const int length = int(share * extent);
    const int middle = int(random.below(std::uint32_t(extent)));
    const int begin = std::clamp(middle - length / 2, 0, extent);
    return std::pair(begin, std::clamp(middle - length / 2 + length, 0, extent) - begin);
  };
  const auto [top, height] = along(shape_.height);
  const auto [left, width] = along(shape_.width);
  return {.top = top, .left = left, .height = height, .width = width};
}

void Mixing::draw(std::int64_t step, int slice, std::span<Blend> out) const {
  Philox pairing = stream(seed_, step, slice, 0);
  draw_partners(pairing, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    Philox random = stream(seed_, step, slice, std::uint32_t(i) + 1);
    if (has_cut_mix_ && random.uniform() < cut_mix_.probability()) {
      out[i].window = draw_cut(draw_beta(cut_mix_.alpha(), random), random);
      const double area = double(out[i].window.height) * double(out[i].window.width);
      out[i].weight = float(1 - area / double(shape_.pixels()));
    } else if (has_mixup_ && random.uniform() < mixup_.probability()) {
      out[i].weight = draw_beta(mixup_.alpha(), random);
    }
  }
}

void Mixing::blend(std::span<const Blend> blends, std::span<const float> images, std::span<float> out) const {
  const std::size_t elements = shape_.elements();
  CHECK(images.size() == blends.size() * elements && out.size() == images.size());
  for (std::size_t i = 0; i < blends.size(); ++i) {
    const float* const own = &images[i * elements];
    const float* const other = &images[std::size_t(blends[i].partner) * elements];
    float* const to = &out[i * elements];
    const Window& window = blends[i].window;
    if (window.height == 0 && blends[i].weight < 1) {
      const float weight = blends[i].weight;
      for (std::size_t j = 0; j < elements; ++j) to[j] = std::fma(weight, own[j] - other[j], other[j]);
      continue;
    }
    std::copy_n(own, elements, to);
    for (std::size_t c = 0; c < std::size_t(shape_.channels); ++c) {
      for (int y = window.top; y < window.top + window.height; ++y) {
        const std::size_t begin =
            c * shape_.pixels() + std::size_t(y) * std::size_t(shape_.width) + std::size_t(window.left);
        std::copy_n(other + begin, window.width, to + begin);
      }
    }
  }
}

void blend_targets(std::span<const Blend> blends, std::span<const float> targets, std::span<float> out) {
  const std::size_t values = targets.size() / blends.size();
  for (std::size_t i = 0; i < blends.size(); ++i) {
    const float weight = blends[i].weight;
    const float* const other = &targets[std::size_t(blends[i].partner) * values];
    for (std::size_t j = 0; j < values; ++j) {
      const float own = targets[i * values + j];
      out[i * values + j] = weight < 1 ? std::fma(weight, own - other[j], other[j]) : own;
    }
  }
}

}  // namespace lockstep
