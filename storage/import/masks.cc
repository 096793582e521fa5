#include "storage/import/masks.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "storage/task/target.h"

namespace lockstep {
namespace {

constexpr float kNoClass = -2;
constexpr std::size_t kMostToldValues = 10;

int value_at(const Image& mask, std::size_t pixel) {
  if (mask.bits == 8) return std::to_integer<int>(mask.pixels[pixel]);
  std::uint16_t value = 0;
  std::memcpy(&value, mask.pixels.data() + 2 * pixel, sizeof value);
  return value;
}

std::size_t pixels_of(const Image& mask) {
  return std::size_t(mask.height) * std::size_t(mask.width);
}

// "0 to 3", "0, 255", "1, 2, 3, ...".
std::string values_text(const MaskOptions& options) {
  if (options.values.empty()) return fmt::format("0 to {}", options.names.size() - 1);
  const auto told = std::span(options.values).first(std::min(options.values.size(), kMostToldValues));
  return fmt::format("{}{}", fmt::join(told, ", "), told.size() < options.values.size() ? ", ..." : "");
}

}  // namespace

MaskClasses::MaskClasses(const MaskOptions& options)
    : classes_(kLargestMaskValue + 1, kNoClass), count_(options.names.size()) {
  CHECK(count_ > 0 && (options.values.empty() || options.values.size() == count_), "{} values of {} classes",
        options.values.size(), count_);
  for (std::size_t i = 0; i < std::min(count_, classes_.size()); ++i) {
    classes_[options.values.empty() ? i : std::size_t(options.values[i])] = float(i);
  }
  if (options.ignored) classes_[std::size_t(*options.ignored)] = kIgnored;
  expected_ = fmt::format("{}, of the {} classes", values_text(options), count_);
  if (options.ignored) expected_ += fmt::format(", or {}, which is ignored", *options.ignored);
}

Status MaskClasses::put(const Image& mask, int height, int width, Fit fit, std::span<float> to) const {
  CHECK(mask.channels == 1 && to.size() == std::size_t(height) * std::size_t(width), "{} targets", to.size());
  for (std::size_t i = 0; i < pixels_of(mask); ++i) {
    if (classes_[std::size_t(value_at(mask, i))] == kNoClass) return fault(mask, i);
  }
  const NearestPlaces places = nearest_places(mask.height, mask.width, height, width, fit);
  auto next = to.begin();
  for (const int line : places.lines) {
    for (const int column : places.columns) {
      const bool inside = line >= 0 && column >= 0;
      const std::size_t pixel = inside ? std::size_t(line) * std::size_t(mask.width) + std::size_t(column) : 0;
      *next++ = inside ? classes_[std::size_t(value_at(mask, pixel))] : kIgnored;
    }
  }
  return OkStatus();
}

Status MaskClasses::fault(const Image& mask, std::size_t pixel) const {
  const int value = value_at(mask, pixel);
  std::size_t count = 0;
  for (std::size_t i = 0; i < pixels_of(mask); ++i) count += value_at(mask, i) == value ? 1 : 0;
  const std::size_t width = std::size_t(mask.width);
  return bad_data(
      fmt::format("has the value {} at x {}, y {} ({} such pixels): expected {}; name its class with --class-names and "
                  "--mask-values, or give it as --ignored if such pixels are to count nowhere",
                  value, pixel % width, pixel / width, count, expected_));
}

int largest_value(const Image& mask, std::optional<int> ignored) {
  int largest = -1;
  for (std::size_t i = 0; i < pixels_of(mask); ++i) {
    const int value = value_at(mask, i);
    if (value > largest && value != ignored) largest = value;
  }
  return largest;
}

}  // namespace lockstep
