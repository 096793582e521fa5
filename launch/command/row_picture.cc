#include "launch/command/row_picture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "storage/image/resize.h"

namespace lockstep {
namespace {

constexpr Colour kNotFinite = {255, 0, 255};

void set(Image& image, std::size_t pixel, Colour colour) {
  std::byte* const at = image.pixels.data() + pixel * 3;
  at[0] = std::byte(colour.red);
  at[1] = std::byte(colour.green);
  at[2] = std::byte(colour.blue);
}

std::uint8_t half(std::byte seen, std::uint8_t colour) {
  return static_cast<std::uint8_t>((std::to_integer<int>(seen) + colour) / 2);
}

}  // namespace

PictureSize picture_size(const ImageShape& image, int side) {
  const int longest = std::max(image.height, image.width);
  if (longest <= side) return {image.height, image.width, side / longest};
  const auto smaller = [&](int length) {
    return std::max(1, int((std::int64_t(2) * length * side + longest) / (2 * std::int64_t(longest))));
  };
  return {smaller(image.height), smaller(image.width), 1};
}

RowPictures::RowPictures(const DatasetInfo& info, float smallest, float largest, const PictureSize& size)
    : shape_(info.image), type_(info.pixel_type), size_(size) {
  if (type_ == PixelType::kUint8) return;
  black_ = smallest;
  white_ = largest > smallest ? largest : smallest + 1;
}

Image RowPictures::seen(std::span<const float> values) const {
  CHECK(values.size() == shape_.elements(), "{} values", values.size());
  Image image{shape_.height, shape_.width, 3, 8, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  const auto channels = std::size_t(shape_.channels);
  for (std::size_t i = 0; i < shape_.pixels(); ++i) {
    const float* const pixel = values.data() + i * channels;
    std::uint8_t colour[3] = {};
    bool finite = true;
    for (std::size_t c = 0; c < 3; ++c) {
      const float value = pixel[channels == 3 ? c : 0];
      finite = finite && std::isfinite(value);
      constexpr float kFull = 255;
      const float grey = finite ? (value - black_) / (white_ - black_) * kFull : 0;
      colour[c] = static_cast<std::uint8_t>(std::lround(std::clamp(grey, 0.0F, kFull)));
    }
    set(image, i, finite ? Colour{colour[0], colour[1], colour[2]} : kNotFinite);
  }
  return image;
}

Image RowPictures::sized(Image image) const {
  if (image.height == size_.height && image.width == size_.width) return image;
  return resized(image, size_.height, size_.width);
}

Image RowPictures::picture(std::span<const float> values) const {
  return sized(seen(values));
}

Image RowPictures::overlay(std::span<const float> values, std::span<const float> mask) const {
  Image image = seen(values);
  CHECK(mask.size() == shape_.pixels(), "{} pixels of a mask", mask.size());
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const bool ignored = mask[i] == kIgnored;
    if (ignored && (i / std::size_t(shape_.width) + i) % 2 != 0) continue;
    const Colour colour = ignored ? kWhite : colour_of(std::size_t(mask[i]));
    const std::byte* const at = image.pixels.data() + i * 3;
    set(image, i, {half(at[0], colour.red), half(at[1], colour.green), half(at[2], colour.blue)});
  }
  return sized(std::move(image));
}

std::string RowPictures::note() const {
  std::vector<std::string> notes;
  if (shape_.channels != 1 && shape_.channels != 3) {
    notes.push_back(fmt::format("the first of {} channels as grey", shape_.channels));
  }
  if (type_ != PixelType::kUint8) {
    const float full = full_scale(type_);
    notes.push_back(fmt::format("{:.6g} is black, {:.6g} white", black_ * full, white_ * full));
  }
  if (size_.height != shape_.height || size_.width != shape_.width) {
    notes.push_back(fmt::format("made smaller, {} x {}", size_.height, size_.width));
  } else if (size_.scale > 1) {
    notes.push_back(fmt::format("enlarged {} times", size_.scale));
  }
  return fmt::format("{}", fmt::join(notes, "; "));
}

}  // namespace lockstep
