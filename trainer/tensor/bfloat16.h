// bf16 in memory: the upper half of an fp32. Our own loops compute in fp32 and round to the nearest, ties to even;
// what is not a number stays so.
#pragma once

#include <bit>
#include <cstdint>

namespace lockstep {

struct Bfloat16 {
  std::uint16_t bits = 0;
  bool operator==(const Bfloat16&) const = default;
};

inline float to_float(float value) {
  return value;
}

inline float to_float(Bfloat16 value) {
  return std::bit_cast<float>(std::uint32_t(value.bits) << 16);
}

inline void from_float(float value, float& to) {
  to = value;
}

inline void from_float(float value, Bfloat16& to) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
  const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
  to.bits = std::uint16_t((is_nan ? bits | 0x400000U : rounded) >> 16);
}

// `gradient` where `value` is above zero, else zero. (The second form looks at the sign: compilers make vectors of
// that. A value that is no number passes the gradient on.)
inline float where_positive(float value, float gradient) {
  return value > 0.F ? gradient : 0.F;
}

inline Bfloat16 where_positive(Bfloat16 value, Bfloat16 gradient) {
  return {std::uint16_t(std::int16_t(value.bits) > 0 ? gradient.bits : 0)};
}

}  // namespace lockstep
