#include "storage/image/exif.h"

#include <cstddef>
#include <cstdint>

namespace lockstep {

int exif_orientation(std::string_view block) {
  constexpr std::uint64_t kTag = 274, kShort = 3, kEntryBytes = 12;
  const bool little = block.starts_with(std::string_view("II*\0", 4));
  if (!little && !block.starts_with(std::string_view("MM\0*", 4))) return 1;
  const auto number = [&](std::uint64_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::uint64_t byte = at + i < block.size() ? std::uint8_t(block[at + i]) : 0;
      value |= byte << (8 * (little ? i : bytes - 1 - i));
    }
    return value;
  };
  const std::uint64_t directory = number(4, 4);
  const std::uint64_t entries = number(directory, 2);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > block.size()) return 1;
    if (number(entry, 2) != kTag) continue;
    const std::uint64_t value = number(entry + 8, 2);
    return number(entry + 2, 2) == kShort && value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

}  // namespace lockstep
