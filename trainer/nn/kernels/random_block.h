// Sixteen Philox4x32-10 blocks at a time, in a form that compilers turn into vector instructions: for loops that need
// one random number per value of an activation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lockstep {

inline constexpr std::size_t kRandomBlock = 64;
using RandomBlock = std::array<std::uint32_t, kRandomBlock>;

// Word w of philox_block({16 * index + lane, 0, 0, 0}, key) becomes element 16 * w + lane, for w in 0..3, lane in
// 0..15. Requires: index < 2^28.
RandomBlock random_block(const std::array<std::uint32_t, 2>& key, std::uint32_t index);

}  // namespace lockstep
