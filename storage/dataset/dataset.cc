#include "storage/dataset/dataset.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <xxhash.h>

#include "storage/base/printable.h"

namespace lockstep {

std::size_t bytes_per_pixel(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return 1;
    case PixelType::kUint16:
      return 2;
    case PixelType::kFloat32:
      return 4;
  }
  CHECK(false, "no pixel type {}", int(type));
}

std::string_view pixel_type_name(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return "uint8";
    case PixelType::kUint16:
      return "uint16";
    case PixelType::kFloat32:
      return "float32";
  }
  CHECK(false, "no pixel type {}", int(type));
}

float full_scale(PixelType type) {
  if (type == PixelType::kFloat32) return 1;
  return type == PixelType::kUint8 ? 255 : 65535;
}

std::string RowSource::text() const {
  return path.empty() || line == 0 ? path : fmt::format("{}:{}", path, line);
}

StatusOr<std::string> Dataset::source(std::int64_t /*row*/) {
  return std::string();
}

std::string row_text(std::int64_t row, std::string_view source) {
  return source.empty() ? std::to_string(row) : fmt::format("{} ({})", row, printable(source));
}

Window middle_window(const ImageShape& picture, const ImageShape& size, float share) {
  const bool by_width = std::int64_t(picture.width) * size.height <= std::int64_t(picture.height) * size.width;
  const auto follows = [](int side, int of, int other) {  // to the nearest pixel
    return int((2 * std::int64_t(side) * other + of) / (2 * std::int64_t(of)));
  };
  int width = by_width ? picture.width : follows(picture.height, size.height, size.width);
  int height = by_width ? follows(picture.width, size.width, size.height) : picture.height;
  width = std::clamp(int(std::lround(double(share) * width)), 1, picture.width);
  height = std::clamp(int(std::lround(double(share) * height)), 1, picture.height);
  return {.top = (picture.height - height) / 2, .left = (picture.width - width) / 2, .height = height, .width = width};
}

Status Dataset::read_window(std::int64_t /*row*/, const Window& /*window*/, std::span<std::byte> /*out*/) {
  CHECK(false, "the rows are no picture files");
}

std::string rows_text(Dataset& dataset, std::span<const std::int64_t> rows) {
  std::vector<std::string> texts;
  for (const std::int64_t row : rows)
    texts.push_back(row_text(dataset.stored_row(row), dataset.source(row).value_or("")));
  return fmt::format("{}", fmt::join(texts, ", "));
}

Status for_each_target(Dataset& dataset, const std::function<void(std::span<const float>)>& take) {
  constexpr std::size_t kBlockValues = 65536;
  const std::size_t values = dataset.info().target_values();
  const std::int64_t block = std::clamp(std::int64_t(kBlockValues / values), std::int64_t(1), dataset.info().rows);
  std::vector<std::int64_t> rows;
  std::vector<float> targets(std::size_t(block) * values);
  for (std::int64_t first = 0; first < dataset.info().rows; first += block) {
    rows.resize(std::size_t(std::min(block, dataset.info().rows - first)));
    std::iota(rows.begin(), rows.end(), first);
    const std::span part = std::span(targets).first(rows.size() * values);
    RETURN_IF_ERROR(dataset.read_targets(rows, part));
    take(part);
  }
  return OkStatus();
}

StatusOr<std::uint64_t> dataset_fingerprint(const DatasetInfo& info, Dataset& dataset) {
  // Lengths go in front of what they count, so that no two datasets give the same text.
  std::string text = fmt::format("{} {}x{}x{} {} {}", info.rows, info.image.height, info.image.width,
                                 info.image.channels, pixel_type_name(info.pixel_type), info.class_names.size());
  if (info.is_encoded) text += fmt::format(" files {:016x}", info.digest);
  if (info.target != TargetKind::kClass) text += fmt::format(" {}", target_name(info.target));
  for (const std::string& unit : info.units) text += fmt::format(" {}:{}", unit.size(), unit);
  for (const std::string& name : info.class_names) text += fmt::format(" {}:{}", name.size(), name);
  for (const float value : info.mean) text += fmt::format(" {:08x}", std::bit_cast<std::uint32_t>(value));
  for (const float value : info.deviation) text += fmt::format(" {:08x}", std::bit_cast<std::uint32_t>(value));
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
  CHECK(state != nullptr && XXH3_64bits_reset_withSeed(state.get(), XXH3_64bits(text.data(), text.size())) == XXH_OK);
  const bool are_whole = info.target != TargetKind::kNumbers;
  std::vector<std::int32_t> whole;
  const auto take = [&](std::span<const float> targets) {
    if (are_whole) whole.assign(targets.begin(), targets.end());
    const void* const data = are_whole ? static_cast<const void*>(whole.data()) : targets.data();
    static_assert(sizeof(float) == sizeof(std::int32_t));
    CHECK(XXH3_64bits_update(state.get(), data, targets.size_bytes()) == XXH_OK);
  };
  RETURN_IF_ERROR(for_each_target(dataset, take));
  return XXH3_64bits_digest(state.get());
}

void TargetCounter::add(std::span<const float> targets) {
  for (std::size_t begin = 0; begin < targets.size(); begin += values_) {
    const std::span<const float> row = targets.subspan(begin, values_);
    const bool is_zero = std::ranges::all_of(row, [](float value) { return value == 0; });
    if (kind_ == TargetKind::kNumbers) {
      add_numbers(row);
    } else {
      add_classes(row);
    }
    zero_rows_ += is_zero ? 1 : 0;
    zeros_at_end_ = is_zero ? zeros_at_end_ + 1 : 0;
  }
}

// Each class or label of the row once.
void TargetCounter::add_classes(std::span<const float> row) {
  ++count_;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (kind_ == TargetKind::kLabels ? row[i] == 0 : row[i] == kIgnored) continue;
    const std::size_t index = kind_ == TargetKind::kLabels ? i : std::size_t(row[i]);
    if (index >= rows_.size()) {
      rows_.resize(index + 1, 0);
      last_.resize(index + 1, 0);
    }
    if (last_[index] != count_) ++rows_[index];
    last_[index] = count_;
  }
}

// Welford 1962, Technometrics 4(3).
void TargetCounter::add_numbers(std::span<const float> row) {
  moments_.resize(values_);
  ++count_;
  for (std::size_t i = 0; i < values_; ++i) {
    const double distance = double(row[i]) - moments_[i].mean;
    moments_[i].mean += distance / double(count_);
    moments_[i].squares += distance * (double(row[i]) - moments_[i].mean);
  }
}

void TargetCounter::put(DatasetInfo& info) const {
  CHECK(rows_.size() <= info.class_names.size());
  info.class_rows = rows_;
  info.target_mean.clear();
  info.target_deviation.clear();
  info.constant_numbers.clear();
  if (kind_ != TargetKind::kNumbers) info.class_rows.resize(info.class_names.size(), 0);
  for (const Moments& it : moments_) {
    info.target_mean.push_back(float(it.mean));
    const float deviation = float(std::sqrt(it.squares / double(count_)));
    if (!(deviation > 0)) info.constant_numbers.push_back(info.class_names[info.target_deviation.size()]);
    info.target_deviation.push_back(deviation > 0 ? deviation : 1);
  }
  info.zero_rows = zero_rows_;
  info.zeros_at_end = zeros_at_end_;
}

std::vector<std::string> numbered_class_names(std::size_t classes) {
  std::vector<std::string> names(classes);
  for (std::size_t i = 0; i < classes; ++i) names[i] = std::to_string(i);
  return names;
}

}  // namespace lockstep
