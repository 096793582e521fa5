#include "trainer/tensor/finite.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace lockstep {

// Without its sign, a float that is infinite or NaN has the largest bits of all. A maximum of integers is vectorized.
bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t kWithoutSign = 0x7fffffff;
  constexpr std::uint32_t kInfinity = 0x7f800000;
  std::uint32_t largest = 0;
  for (const float value : values) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & kWithoutSign);
  return largest < kInfinity;
}

}  // namespace lockstep
