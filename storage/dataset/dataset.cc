#include "storage/dataset/dataset.h"

#include <bit>

#include <fmt/format.h>
#include <xxhash.h>

namespace lockstep {

std::size_t bytes_per_pixel(PixelType type) {
  return type == PixelType::kUint8 ? 1 : 4;
}

std::string_view pixel_type_name(PixelType type) {
  return type == PixelType::kUint8 ? "uint8" : "float32";
}

std::uint64_t dataset_fingerprint(const DatasetInfo& info, std::span<const std::int32_t> labels) {
  // Lengths go in front of what they count, so that no two datasets give the same text.
  std::string text = fmt::format("{} {}x{}x{} {} {}", info.rows, info.image.height, info.image.width,
                                 info.image.channels, pixel_type_name(info.pixel_type), info.class_names.size());
  for (const std::string& name : info.class_names) text += fmt::format(" {}:{}", name.size(), name);
  for (const float value : info.mean) text += fmt::format(" {:08x}", std::bit_cast<std::uint32_t>(value));
  for (const float value : info.deviation) text += fmt::format(" {:08x}", std::bit_cast<std::uint32_t>(value));
  return XXH3_64bits_withSeed(labels.data(), labels.size_bytes(), XXH3_64bits(text.data(), text.size()));
}

std::vector<std::string> numbered_class_names(std::size_t classes) {
  std::vector<std::string> names(classes);
  for (std::size_t i = 0; i < classes; ++i) names[i] = std::to_string(i);
  return names;
}

}  // namespace lockstep
