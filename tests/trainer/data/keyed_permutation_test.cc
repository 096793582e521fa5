#include "trainer/data/keyed_permutation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr std::array<std::uint32_t, 2> kKey = {123, 456};

std::vector<std::int64_t> all_of(const KeyedPermutation& permutation, std::int64_t n) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(permutation(i));
  return all;
}

TEST(KeyedPermutation, IsOneForEveryLength) {
  std::vector<std::int64_t> lengths(300);
  std::iota(lengths.begin(), lengths.end(), 1);
  for (const std::int64_t more : {1023, 1024, 1025, 65'536, 99'991, 1'000'000}) lengths.push_back(more);
  for (const std::int64_t n : lengths) {
    std::vector<std::int64_t> all = all_of(KeyedPermutation(kKey, n), n);
    std::ranges::sort(all);
    std::vector<std::int64_t> expected(all.size());
    std::iota(expected.begin(), expected.end(), 0);
    ASSERT_EQ(all, expected) << n;
  }
}

TEST(KeyedPermutation, LargeLengthsKeepTheirBounds) {
  for (const std::int64_t n : {(std::int64_t{1} << 40) + 1, std::int64_t{1} << 62, (std::int64_t{1} << 62) - 1}) {
    const KeyedPermutation permutation(kKey, n);
    for (const std::int64_t x : {std::int64_t{0}, std::int64_t{1}, n / 2, n - 1}) {
      const std::int64_t to = permutation(x);
      EXPECT_TRUE(to >= 0 && to < n) << n << ": " << x << " -> " << to;
    }
  }
}

// Of a million places: the places of neighbours are far apart, no part is preferred, and another key is another order.
TEST(KeyedPermutation, HasNoPattern) {
  constexpr std::int64_t kLength = 1'000'000;
  const std::vector<std::int64_t> all = all_of(KeyedPermutation(kKey, kLength), kLength);
  std::vector<int> counts(100);  // of the first hundredth of the places: where they go
  double distance = 0, covariance = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < 10'000) ++counts[std::size_t(all[i] / 10'000)];
    if (i > 0) distance += std::abs(double(all[i] - all[i - 1]));
    covariance += (double(i) - 499'999.5) * (double(all[i]) - 499'999.5);
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 100) * (count - 100) / 100.0;
  EXPECT_LT(chi_squared, 150);  // 99 degrees of freedom: beyond 150 by chance once in 1,400
  EXPECT_GT(chi_squared, 55);
  EXPECT_NEAR(distance / kLength, kLength / 3.0, kLength / 1000.0);
  EXPECT_LT(std::abs(covariance), 4 * std::pow(double(kLength), 2.5) / 12);
  const std::vector<std::int64_t> other = all_of(KeyedPermutation({123, 457}, kLength), kLength);
  std::int64_t alike = 0;
  for (std::size_t i = 0; i < all.size(); ++i) alike += all[i] == other[i];
  EXPECT_LT(alike, 10);
}

// Bits of the format, as another implementation of both papers gives them.
TEST(KeyedPermutation, ItsValuesAreFixed) {
  const KeyedPermutation permutation(kKey, 1'000'000'007);
  const std::vector<std::int64_t> got = {permutation(0), permutation(1), permutation(999'999'999)};
  EXPECT_EQ(got, (std::vector<std::int64_t>{896697580, 129971728, 536594560}));
}

}  // namespace
}  // namespace lockstep
