// What is fuzzed: functions that take the bytes of others.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct FuzzTarget {
  std::string_view name;  // also of the folder of its seeds
  // Reads the bytes and checks what was made of them (CHECK). Returns what came of it, in words: what leads to new
  // words is changed further.
  std::string (*run)(std::string_view bytes);
  // Mends what would end the reading at once wherever a byte was changed, as checksums do. May be null.
  std::string (*mend)(std::string bytes) = nullptr;
};

std::span<const FuzzTarget> image_targets();
std::span<const FuzzTarget> import_targets();

// Of the bytes: for options of a target, which are then those of the same bytes again.
std::uint64_t choice_of(std::string_view bytes);

}  // namespace lockstep
