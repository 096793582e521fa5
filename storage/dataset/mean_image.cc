#include "storage/dataset/mean_image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "storage/dataset/pixel_sample.h"

namespace lockstep {
namespace {

template <typename Pixel>
void scale(std::span<const std::byte> stored, float full, std::span<float> values) {
  CHECK(stored.size() == values.size() * sizeof(Pixel), "{} bytes of {} values", stored.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Pixel pixel;
    std::memcpy(&pixel, stored.data() + i * sizeof pixel, sizeof pixel);
    values[i] = static_cast<float>(pixel) / full;
  }
}

struct Sum {
  double total = 0;
  std::int64_t count = 0;
};

}  // namespace

void to_values(PixelType type, std::span<const std::byte> stored, std::span<float> values) {
  switch (type) {
    case PixelType::kUint8:
      return scale<std::uint8_t>(stored, full_scale(type), values);
    case PixelType::kUint16:
      return scale<std::uint16_t>(stored, full_scale(type), values);
    case PixelType::kFloat32:
      return scale<float>(stored, full_scale(type), values);
  }
  CHECK(false, "no pixel type {}", int(type));
}

StatusOr<MeanImage> mean_image(Dataset& dataset) {
  const DatasetInfo& info = dataset.info();
  const std::size_t row_bytes = info.image.elements() * bytes_per_pixel(info.pixel_type);
  MeanImage mean;
  mean.values.resize(info.image.elements());
  float smallest = std::numeric_limits<float>::infinity(), largest = -smallest;
  std::vector<Sum> sums(mean.values.size());
  const auto take = [&](std::int64_t, std::span<const std::byte> pixels) {
    for (std::size_t at = 0; at < pixels.size(); at += row_bytes, ++mean.rows) {
      to_values(info.pixel_type, pixels.subspan(at, row_bytes), mean.values);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const float value = mean.values[i];
        if (!std::isfinite(value)) continue;
        sums[i].total += double(value);
        ++sums[i].count;
        smallest = std::min(smallest, value);
        largest = std::max(largest, value);
      }
    }
  };
  RETURN_IF_ERROR(for_each_sampled_piece(dataset, take).status());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    mean.values[i] = sums[i].count == 0 ? 0 : static_cast<float>(sums[i].total / double(sums[i].count));
  }
  if (smallest <= largest) {
    mean.smallest = smallest;
    mean.largest = largest;
  }
  return mean;
}

}  // namespace lockstep
