#include "trainer/data/keyed_permutation.h"

#include <cmath>
#include <utility>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr std::uint32_t kRounds = 8;  // an even number: the halves are back in their places

}  // namespace

KeyedPermutation::KeyedPermutation(std::array<std::uint32_t, 2> key, std::int64_t n)
    : key_(key), n_(static_cast<std::uint64_t>(n)) {
  CHECK(n >= 1 && n <= std::int64_t{1} << 62, "{} places", n);
  a_ = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n_)));
  while (a_ * a_ < n_) ++a_;  // the root is exact to a place or two
  while (a_ > 1 && (a_ - 1) * (a_ - 1) >= n_) --a_;
  b_ = (n_ + a_ - 1) / a_;
}

std::uint64_t KeyedPermutation::once(std::uint64_t x) const {
  std::uint64_t left = x % a_, right = x / a_;
  std::uint64_t left_size = a_, right_size = b_;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const auto block = philox_block({static_cast<std::uint32_t>(right), round, 0, 0}, key_);
    const std::uint64_t added = std::uint64_t{block[0]} << 32 | block[1];
    const std::uint64_t next = (left + added % left_size) % left_size;
    left = std::exchange(right, next);
    std::swap(left_size, right_size);
  }
  return left + a_ * right;
}

std::int64_t KeyedPermutation::operator()(std::int64_t x) const {
  std::uint64_t at = once(static_cast<std::uint64_t>(x));
  while (at >= n_) at = once(at);
  return static_cast<std::int64_t>(at);
}

}  // namespace lockstep
