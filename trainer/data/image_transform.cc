#include "trainer/data/image_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

template <typename Pixel>
float pixel_at(const std::byte* at) {
  Pixel value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<float>(value);
}

// Copies the window of one channel; pixel(y, x) is the value inside the image, `outside` that around it.
template <typename Pixel>
void copy_window(const ImageShape& shape, int top, int left, bool mirror, float outside, float* out,
                 const Pixel& pixel) {
  // Columns x of the window that lie inside the image: 0 <= left + x < width.
  const int first = std::clamp(-left, 0, shape.width);
  const int last = std::clamp(shape.width - left, first, shape.width);
  for (int y = 0; y < shape.height; ++y) {
    float* line = out + std::ptrdiff_t{y} * shape.width;
    if (top + y < 0 || top + y >= shape.height) {
      std::fill(line, line + shape.width, outside);
      continue;
    }
    std::fill(line, line + (mirror ? shape.width - last : first), outside);
    std::fill(line + (mirror ? shape.width - first : last), line + shape.width, outside);
    for (int x = first; x < last; ++x) {
      line[mirror ? shape.width - 1 - x : x] = pixel(top + y, left + x);
    }
  }
}

}  // namespace

ImageTransform::ImageTransform(const ImageShape& shape, PixelType type, std::span<const float> mean,
                               std::span<const float> deviation)
    : shape_(shape), type_(type), mean_(mean.begin(), mean.end()), outside_(mean.size()) {
  CHECK(mean.size() == static_cast<std::size_t>(shape.channels) && deviation.size() == mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    scale_.push_back(1.0F / deviation[c]);
    offset_.push_back(-mean[c] / deviation[c]);
  }
  fill_table();
}

void ImageTransform::fill_table() {
  table_.clear();
  if (type_ != PixelType::kUint8) return;
  for (std::size_t c = 0; c < scale_.size(); ++c) {
    for (int value = 0; value < 256; ++value) {
      table_.push_back(std::fma(static_cast<float>(value) / 255.0F, scale_[c], offset_[c]));
    }
  }
}

void ImageTransform::take_targets(const Target& learned) {
  target_ = learned;
}

void ImageTransform::apply_to_target(std::int64_t epoch, std::int64_t row, std::span<const float> stored,
                                     std::span<float> out) {
  CHECK(stored.size() == out.size());
  if (target_.kind == TargetKind::kNumbers) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (stored[i] - target_.mean[i]) / target_.deviation[i];
  } else if (target_.kind == TargetKind::kMask) {
    CHECK(out.size() == shape_.pixels());
    const Placement placement = place(epoch, row);
    copy_window(shape_, placement.top, placement.left, placement.mirror, kIgnored, out.data(),
                [&](int y, int x) { return stored[std::size_t(y) * std::size_t(shape_.width) + std::size_t(x)]; });
    if (centre_) {
      const std::span<float> whole = std::span(whole_).first(out.size());
      std::ranges::copy(out, whole.begin());
      warp_mask(*centre_, shape_, whole, out);
    }
    if (!transforms_.empty()) transforms_.apply_to_mask(epoch, row, out);
  } else {
    std::ranges::copy(stored, out.begin());
  }
}

void ImageTransform::take_centre(float share, bool is_encoded) {
  if (share >= 1) return;
  if (is_encoded) {
    picture_share_ = share;
    return;
  }
  centre_ = window_warp(shape_, middle_window(shape_, shape_, share));
  centre_->edge = true;
  whole_.resize(shape_.elements());
}

Window ImageTransform::picture_window(std::int64_t epoch, std::int64_t row, const ImageShape& picture) const {
  if (picture_crop_) {
    Philox random = transform_stream(seed_, epoch, row, 0);
    if (random.uniform() < picture_crop_->probability()) return draw_window(picture, *picture_crop_, random);
  }
  return middle_window(picture, shape_, picture_share_);
}

void ImageTransform::augment(const proto::Augmentation& augmentation, std::uint64_t seed, bool is_encoded) {
  seed_ = seed;
  const auto& list = augmentation.transform();
  if (is_encoded && !list.empty() && list[0].has_random_resized_crop()) picture_crop_ = list[0].random_resized_crop();
  const std::size_t first = picture_crop_ ? 1 : 0;
  crop_padding_ = augmentation.has_random_crop() ? augmentation.random_crop().padding() : 0;
  flip_probability_ = augmentation.has_horizontal_flip() ? augmentation.horizontal_flip().probability() : 0.0F;
  if (std::size_t(list.size()) <= first) return;
  transforms_ = RandomTransforms(shape_, mean_, list, seed, first);
  last_scale_ = std::exchange(scale_, std::vector<float>(mean_.size(), 1.0F));
  last_offset_ = std::exchange(offset_, std::vector<float>(mean_.size()));
  outside_ = mean_;
  fill_table();
}

ImageTransform::Placement ImageTransform::place(std::int64_t epoch, std::int64_t row) const {
  Placement placement;
  if (crop_padding_ == 0 && flip_probability_ == 0) return placement;
  Philox random(seed_, Purpose::kAugmentation, static_cast<std::uint32_t>(epoch), static_cast<std::uint64_t>(row));
  // Always three draws: switching one change off leaves the others as they were.
  const std::uint32_t positions = 2 * static_cast<std::uint32_t>(crop_padding_) + 1;
  placement.top = static_cast<int>(random.below(positions)) - crop_padding_;
  placement.left = static_cast<int>(random.below(positions)) - crop_padding_;
  placement.mirror = random.uniform() < flip_probability_;
  return placement;
}

void ImageTransform::apply(std::int64_t epoch, std::int64_t row, std::span<const std::byte> stored,
                           std::span<float> out) {
  CHECK(stored.size() == stored_bytes() && out.size() == shape_.elements());
  if (centre_) {
    load(place(epoch, row), stored, whole_);
    warp_image(*centre_, shape_, whole_, outside_, out);
  } else {
    load(place(epoch, row), stored, out);
  }
  if (transforms_.empty()) return;
  transforms_.apply(epoch, row, out);
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    const float scale = last_scale_[c], offset = last_offset_[c];
    for (float& value : out.subspan(c * shape_.pixels(), shape_.pixels())) value = std::fma(value, scale, offset);
  }
}

void ImageTransform::load(const Placement& placement, std::span<const std::byte> stored, std::span<float> out) const {
  const int channels = shape_.channels;
  const std::ptrdiff_t plane = std::ptrdiff_t{shape_.height} * shape_.width;
  for (int c = 0; c < channels; ++c) {
    float* channel = out.data() + c * plane;
    const float outside = outside_[static_cast<std::size_t>(c)];
    const auto index = [&](int y, int x) { return (std::ptrdiff_t{y} * shape_.width + x) * channels + c; };
    if (type_ == PixelType::kUint8) {
      const float* table = table_.data() + std::ptrdiff_t{c} * 256;
      copy_window(shape_, placement.top, placement.left, placement.mirror, outside, channel,
                  [&](int y, int x) { return table[std::to_integer<int>(stored[index(y, x)])]; });
      continue;
    }
    const float scale = scale_[c], offset = offset_[c];
    if (type_ == PixelType::kUint16) {
      copy_window(shape_, placement.top, placement.left, placement.mirror, outside, channel, [&](int y, int x) {
        return std::fma(pixel_at<std::uint16_t>(stored.data() + index(y, x) * 2) / 65535.0F, scale, offset);
      });
    } else {
      copy_window(shape_, placement.top, placement.left, placement.mirror, outside, channel, [&](int y, int x) {
        return std::fma(pixel_at<float>(stored.data() + index(y, x) * 4), scale, offset);
      });
    }
  }
}

}  // namespace lockstep
