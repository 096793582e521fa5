#include "storage/dataset/pixel_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lockstep {

PixelStatistics::PixelStatistics(ImageShape image, PixelType type)
    : channels_(std::size_t(image.channels)),
      pixels_(std::size_t(image.height) * std::size_t(image.width)),
      type_(type),
      total_(channels_) {}

void PixelStatistics::add(std::span<const std::byte> rows) {
  const std::size_t row_bytes = pixels_ * channels_ * bytes_per_pixel(type_);
  CHECK(rows.size() % row_bytes == 0, "{} bytes are no whole rows of {}", rows.size(), row_bytes);
  for (std::size_t offset = 0; offset < rows.size(); offset += row_bytes) {
    const std::byte* row = rows.data() + offset;
    type_ == PixelType::kUint8 ? add_uint8_row(row) : add_float32_row(row);
  }
}

std::vector<float> PixelStatistics::mean() const {
  const double scale = type_ == PixelType::kUint8 ? 255.0 : 1.0;
  std::vector<float> result;
  result.reserve(channels_);
  for (const Moments& moments : total_) result.push_back(float(moments.mean / scale));
  return result;
}

std::vector<float> PixelStatistics::deviation() const {
  const double scale = type_ == PixelType::kUint8 ? 255.0 : 1.0;
  std::vector<float> result;
  result.reserve(channels_);
  for (const Moments& moments : total_) {
    const float value = moments.count > 0 ? float(std::sqrt(moments.squares / moments.count) / scale) : 0.0f;
    result.push_back(value > 0 && std::isfinite(value) ? value : 1.0f);
  }
  return result;
}

void PixelStatistics::add_uint8_row(const std::byte* row) {
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    std::uint64_t sum = 0, squares = 0;  // exact: at most 2^28 pixels of 2^16
    for (std::size_t i = 0; i < pixels_; ++i) {
      const auto value = std::to_integer<std::uint32_t>(row[i * channels_ + channel]);
      sum += value;
      squares += value * value;
    }
    const double count = double(pixels_), mean = double(sum) / count;
    merge(channel, {count, mean, std::max(0.0, double(squares) - double(sum) * mean)});
  }
}

void PixelStatistics::add_float32_row(const std::byte* row) {
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    const auto value = [&](std::size_t i) {
      float pixel;
      std::memcpy(&pixel, row + (i * channels_ + channel) * sizeof pixel, sizeof pixel);
      return pixel;
    };
    Moments moments;
    for (std::size_t i = 0; i < pixels_; ++i) {
      if (!std::isfinite(value(i))) continue;
      moments.count += 1;
      moments.mean += double(value(i));
    }
    if (moments.count == 0) continue;
    moments.mean /= moments.count;
    for (std::size_t i = 0; i < pixels_; ++i) {
      if (!std::isfinite(value(i))) continue;
      const double distance = double(value(i)) - moments.mean;
      moments.squares += distance * distance;
    }
    merge(channel, moments);
  }
}

void PixelStatistics::merge(std::size_t channel, const Moments& row) {
  Moments& total = total_[channel];
  const double count = total.count + row.count;
  const double distance = row.mean - total.mean;
  total.mean += distance * row.count / count;
  total.squares += row.squares + distance * distance * total.count * row.count / count;
  total.count = count;
}

}  // namespace lockstep
