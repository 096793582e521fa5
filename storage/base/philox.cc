#include "storage/base/philox.h"

#include <cmath>
#include <numbers>

#include <Random123/philox.h>
#include <xxhash.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

// 2^64 / golden ratio: purposes are spread over the whole key, far from the small numbers that seeds are.
constexpr std::uint64_t kPurposeFactor = 0x9E3779B97F4A7C15;

std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

}  // namespace

std::array<std::uint32_t, 4> philox_block(const std::array<std::uint32_t, 4>& counter,
                                          const std::array<std::uint32_t, 2>& key) {
  const r123::Philox4x32::ctr_type result =
      r123::Philox4x32()({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {result[0], result[1], result[2], result[3]};
}

Philox::Philox(std::uint64_t seed, Purpose purpose, std::uint32_t a, std::uint64_t b) {
  const std::uint64_t key = seed ^ (static_cast<std::uint64_t>(purpose) * kPurposeFactor);
  key_ = {low(key), high(key)};
  counter_ = {0, a, low(b), high(b)};
}

std::uint32_t Philox::next() {
  if (used_ == 4) {
    block_ = philox_block(counter_, key_);
    ++counter_[0];
    CHECK(counter_[0] != 0, "a stream has only 2^34 numbers");
    used_ = 0;
  }
  return block_[used_++];
}

float Philox::uniform() {
  return static_cast<float>(next() >> 8) * 0x1p-24F;
}

std::uint32_t Philox::below(std::uint32_t bound) {
  CHECK(bound > 0);
  std::uint64_t product = std::uint64_t(next()) * bound;
  if (low(product) < bound) {
    const std::uint32_t threshold = -bound % bound;  // 2^32 mod bound
    while (low(product) < threshold) product = std::uint64_t(next()) * bound;
  }
  return high(product);
}

float Philox::normal() {
  // In double, so that the last bit of the mathematics library hardly ever shows in the float.
  const double radius = std::sqrt(-2.0 * std::log((next() + 1.0) * 0x1p-32));
  const double angle = 2.0 * std::numbers::pi * (next() * 0x1p-32);
  return static_cast<float>(radius * std::cos(angle));
}

std::uint64_t key_of(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

}  // namespace lockstep
