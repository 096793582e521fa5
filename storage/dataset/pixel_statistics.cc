#include "storage/dataset/pixel_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "storage/base/log.h"
#include "storage/dataset/described_dataset.h"

namespace lockstep {
namespace {

constexpr std::size_t kBlockBytes = std::size_t(8) << 20;     // of a pass over a whole split
constexpr std::size_t kLongReadBytes = std::size_t(2) << 30;  // some seconds, when it is deflated

// From the mean, of uint8: the bits of these are in the fingerprints of files.
double small_squared_distances(std::uint64_t sum, std::uint64_t squares, double count) {
  return std::max(0.0, std::fma(-double(sum), double(sum) / count, double(squares)));
}

// Of uint16, whose squares do not fit a double: exact up to the last step.
double squared_distances(std::uint64_t sum, std::uint64_t squares, std::uint64_t count) {
  __extension__ using Wide = unsigned __int128;
  return double(Wide(squares) * count - Wide(sum) * sum) / double(count);
}

}  // namespace

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
    switch (type_) {
      case PixelType::kUint8:
        add_integer_row<std::uint8_t>(row);
        break;
      case PixelType::kUint16:
        add_integer_row<std::uint16_t>(row);
        break;
      case PixelType::kFloat32:
        add_float32_row(row);
    }
  }
}

std::vector<float> PixelStatistics::mean() const {
  const double scale = double(full_scale(type_));
  std::vector<float> result;
  result.reserve(channels_);
  for (const Moments& moments : total_) result.push_back(float(moments.mean / scale));
  return result;
}

std::vector<float> PixelStatistics::deviation() const {
  const double scale = double(full_scale(type_));
  std::vector<float> result;
  result.reserve(channels_);
  for (const Moments& moments : total_) {
    const float value = moments.count > 0 ? float(std::sqrt(moments.squares / moments.count) / scale) : 0.0f;
    result.push_back(value > 0 && std::isfinite(value) ? value : 1.0f);
  }
  return result;
}

template <typename Pixel>
void PixelStatistics::add_integer_row(const std::byte* row) {
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    std::uint64_t sum = 0, squares = 0;  // exact: at most 2^28 pixels of 2^32
    for (std::size_t i = 0; i < pixels_; ++i) {
      Pixel pixel;
      std::memcpy(&pixel, row + (i * channels_ + channel) * sizeof pixel, sizeof pixel);
      const std::uint32_t value = pixel;
      sum += value;
      squares += value * value;
    }
    const double count = double(pixels_);
    const double distances =
        sizeof(Pixel) == 1 ? small_squared_distances(sum, squares, count) : squared_distances(sum, squares, pixels_);
    merge(channel, {count, double(sum) / count, distances});
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
      moments.squares = std::fma(distance, distance, moments.squares);
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

StatusOr<PixelNormalization> compute_normalization(Dataset& dataset, std::string_view name) {
  const DatasetInfo& info = dataset.info();
  const std::size_t row_bytes = info.image.elements() * bytes_per_pixel(info.pixel_type);
  PixelStatistics statistics(info.image, info.pixel_type);
  const std::int64_t block = std::clamp<std::int64_t>(std::int64_t(kBlockBytes / row_bytes), 1, info.rows);
  std::vector<std::byte> pixels(std::size_t(block) * row_bytes);
  std::vector<std::int64_t> rows(std::size_t(block), 0);
  if (const std::size_t size = std::size_t(info.rows) * row_bytes; size > kLongReadBytes) {
    log_warning(
        "{}: all its {:.1f} GB are read now, at each start, for their mean and deviation; stored as attributes of "
        "`images` they would be there (`lockstep data info` prints them)",
        name, double(size) / 1e9);
  }
  for (std::int64_t first = 0; first < info.rows; first += block) {
    rows.resize(std::size_t(std::min(block, info.rows - first)));
    std::iota(rows.begin(), rows.end(), first);
    const std::span<std::byte> part(pixels.data(), rows.size() * row_bytes);
    RETURN_IF_ERROR(dataset.read(rows, part));
    statistics.add(part);
  }
  return PixelNormalization{statistics.mean(), statistics.deviation()};
}

StatusOr<std::unique_ptr<Dataset>> normalized(std::unique_ptr<Dataset> rows, PixelNormalization normalization) {
  DatasetInfo info = rows->info();
  info.mean = std::move(normalization.mean);
  info.deviation = std::move(normalization.deviation);
  ASSIGN_OR_RETURN(info.fingerprint, dataset_fingerprint(info, *rows));
  return described_anew(std::move(rows), std::move(info));
}

}  // namespace lockstep
