#include "trainer/nn/kernels/random_block.h"

namespace lockstep {
namespace {

constexpr std::size_t kLanes = kRandomBlock / 4;
using Lanes = std::uint32_t[kLanes];

// Multipliers and key increments of Philox4x32 (Salmon et al. 2011, table 2).
constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kIncrement0 = 0x9E3779B9;
constexpr std::uint32_t kIncrement1 = 0xBB67AE85;
constexpr int kRounds = 10;

void one_round(std::uint32_t key0, std::uint32_t key1, Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
#pragma omp simd
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint64_t product0 = kMultiplier0 * a[i];
    const std::uint64_t product1 = kMultiplier1 * c[i];
    a[i] = static_cast<std::uint32_t>(product1 >> 32) ^ b[i] ^ key0;
    c[i] = static_cast<std::uint32_t>(product0 >> 32) ^ d[i] ^ key1;
    b[i] = static_cast<std::uint32_t>(product1);
    d[i] = static_cast<std::uint32_t>(product0);
  }
}

}  // namespace

RandomBlock random_block(const std::array<std::uint32_t, 2>& key, std::uint32_t index) {
  Lanes a, b = {}, c = {}, d = {};
  for (std::size_t i = 0; i < kLanes; ++i) a[i] = std::uint32_t(kLanes) * index + std::uint32_t(i);
  std::uint32_t key0 = key[0];
  std::uint32_t key1 = key[1];
  for (int round = 0; round < kRounds; ++round) {
    one_round(key0, key1, a, b, c, d);
    key0 += kIncrement0;
    key1 += kIncrement1;
  }
  RandomBlock block;
  for (std::size_t i = 0; i < kLanes; ++i) {
    block[i] = a[i];
    block[kLanes + i] = b[i];
    block[2 * kLanes + i] = c[i];
    block[3 * kLanes + i] = d[i];
  }
  return block;
}

}  // namespace lockstep
