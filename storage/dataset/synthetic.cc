#include "storage/dataset/synthetic.h"

#include <algorithm>
#include <cstring>

#include "storage/base/philox.h"
#include "storage/dataset/pixel_statistics.h"

namespace lockstep {
namespace {

constexpr std::int64_t kStatisticsRows = 1024;
constexpr std::size_t kGrid = 4;  // cells on each side
// Philox streams of one seed.
constexpr std::uint32_t kLabels = 0, kMeans = 1, kNoise = 2;

void put_pixel(std::uint8_t value, PixelType type, std::byte* out, std::size_t position) {
  if (type == PixelType::kUint8) {
    out[position] = std::byte{value};
  } else if (type == PixelType::kUint16) {
    const auto wide = std::uint16_t(value * 257);
    std::memcpy(out + position * sizeof wide, &wide, sizeof wide);
  } else {
    const float scaled = float(value) / 255.0f;
    std::memcpy(out + position * sizeof scaled, &scaled, sizeof scaled);
  }
}

class SyntheticDataset final : public Dataset {
 public:
  explicit SyntheticDataset(const SyntheticOptions& options);

  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override;
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override;

 private:
  void draw_row(std::int64_t row, std::byte* out) const;
  void count_targets();

  SyntheticOptions options_;
  DatasetInfo info_;
  std::vector<float> labels_;
  std::vector<std::uint8_t> means_;  // (class, cell row, cell column, channel), each in [32, 224)
};

SyntheticDataset::SyntheticDataset(const SyntheticOptions& options) : options_(options) {
  const auto& image = options_.image;
  CHECK(options_.rows >= 1 && options_.rows <= kRowLimit, "{} rows", options_.rows);
  CHECK(image.elements() >= 1 && image.elements() <= std::size_t(kImageElementLimit), "{} values", image.elements());
  CHECK(options_.classes >= 1 && options_.classes <= kClassLimit, "{} classes", options_.classes);
  const auto classes = static_cast<std::uint32_t>(options_.classes);
  for (std::int64_t row = 0; row < options_.rows; ++row) {
    Philox random(options_.seed, Purpose::kSynthetic, kLabels, std::uint64_t(options_.first_row + row));
    labels_.push_back(float(random.below(classes)));
  }
  Philox random(options_.seed, Purpose::kSynthetic, kMeans, 0);
  means_.resize(classes * kGrid * kGrid * std::size_t(image.channels));
  for (std::uint8_t& mean : means_) mean = std::uint8_t(32 + random.below(192));

  info_.rows = options_.rows;
  info_.image = image;
  info_.pixel_type = options_.pixel_type;
  info_.class_names = numbered_class_names(classes);
  info_.target = options_.target;
  count_targets();
  PixelStatistics statistics(image, options_.pixel_type);
  std::vector<std::byte> pixels(image.elements() * bytes_per_pixel(options_.pixel_type));
  for (std::int64_t row = 0; row < std::min(options_.rows, kStatisticsRows); ++row) {
    draw_row(row, pixels.data());
    statistics.add(pixels);
  }
  info_.mean = statistics.mean();
  info_.deviation = statistics.deviation();
  info_.fingerprint = *dataset_fingerprint(info_, *this);
}

Status SyntheticDataset::read(std::span<const std::int64_t> rows, std::span<std::byte> out) {
  const std::size_t row_bytes = info_.image.elements() * bytes_per_pixel(info_.pixel_type);
  CHECK(out.size() == rows.size() * row_bytes, "{} rows of {} bytes do not fit {}", rows.size(), row_bytes, out.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i] >= 0 && rows[i] < info_.rows, "row {} of {}", rows[i], info_.rows);
    draw_row(rows[i], out.data() + i * row_bytes);
  }
  return OkStatus();
}

Status SyntheticDataset::read_targets(std::span<const std::int64_t> rows, std::span<float> out) {
  const std::size_t values = info_.target_values();
  CHECK(out.size() == rows.size() * values);
  std::ranges::fill(out, 0.0F);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float label = labels_[std::size_t(rows[i])];
    if (info_.target == TargetKind::kClass || info_.target == TargetKind::kMask) {
      std::ranges::fill(out.subspan(i * values, values), label);
    } else {
      out[i * values + std::size_t(label)] = 1;
    }
  }
  return OkStatus();
}

void SyntheticDataset::count_targets() {
  TargetCounter counter(info_.target, info_.target_values());
  CHECK(for_each_target(*this, [&](std::span<const float> targets) { counter.add(targets); }).ok());
  counter.put(info_);
}

void SyntheticDataset::draw_row(std::int64_t row, std::byte* out) const {
  Philox random(options_.seed, Purpose::kSynthetic, kNoise, std::uint64_t(options_.first_row + row));
  const auto channels = std::size_t(info_.image.channels);
  const auto height = std::size_t(info_.image.height), width = std::size_t(info_.image.width);
  const std::uint8_t* means = means_.data() + std::size_t(labels_[std::size_t(row)]) * kGrid * kGrid * channels;
  std::uint32_t bits = 0;
  std::size_t position = 0;
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* cell = means + (y * kGrid / height * kGrid + x * kGrid / width) * channels;
      for (std::size_t channel = 0; channel < channels; ++channel, ++position) {
        bits = position % 4 == 0 ? random.next() : bits >> 8;  // four noises of a byte each
        const auto value = std::uint8_t(cell[channel] + (bits & 63) - 32);
        put_pixel(value, info_.pixel_type, out, position);
      }
    }
  }
}

}  // namespace

std::unique_ptr<Dataset> make_synthetic_dataset(const SyntheticOptions& options) {
  return std::make_unique<SyntheticDataset>(options);
}

}  // namespace lockstep
