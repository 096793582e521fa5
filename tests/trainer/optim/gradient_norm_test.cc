#include "trainer/optim/gradient_norm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

double global_norm(const std::vector<float>& gradients) {
  std::vector<double> squares(norm_blocks(gradients.size()));
  EXPECT_TRUE(sum_squares(gradients, 0, gradients.size(), squares));
  return norm_of(squares);
}

std::vector<float> some_gradients(std::size_t elements) {
  std::vector<float> gradients(elements);
  for (std::size_t i = 0; i < elements; ++i)
    gradients[i] = std::sin(float(i * i % 10'007)) * std::ldexp(1.0F, int(i % 9));
  return gradients;
}

TEST(GradientNorm, IsTheEuclideanNorm) {
  for (const std::size_t elements : {0, 1, 7, 16, 33, 1000, 4095, 4096, 4097, 100'000}) {
    const std::vector<float> gradients = some_gradients(elements);
    long double sum = 0;
    for (const float gradient : gradients) sum += static_cast<long double>(gradient) * gradient;
    EXPECT_DOUBLE_EQ(global_norm(gradients), static_cast<double>(std::sqrt(sum))) << elements;
  }
  EXPECT_DOUBLE_EQ(global_norm({3, 4}), 5);
}

TEST(GradientNorm, SumsInDouble) {
  // In float the squares overflow, and ones added to 2^24 are lost.
  EXPECT_DOUBLE_EQ(global_norm({std::ldexp(3.0F, 100), std::ldexp(4.0F, 100)}), std::ldexp(5.0, 100));
  EXPECT_TRUE(std::isfinite(global_norm(std::vector<float>(10'000, std::numeric_limits<float>::max()))));
  std::vector<float> gradients(1 << 10, 1.0F);
  gradients[0] = 16384;
  EXPECT_DOUBLE_EQ(global_norm(gradients), std::sqrt(16384.0 * 16384.0 + 1023.0));
}

TEST(GradientNorm, SaysWhichPartIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t where : {std::size_t{0}, std::size_t{20}, kNormBlock - 1, kNormBlock, 2 * kNormBlock + 32}) {
      std::vector<float> gradients(2 * kNormBlock + 33, 1.0F);
      gradients[where] = bad;
      std::vector<double> squares(3);
      EXPECT_EQ(sum_squares(gradients, 0, kNormBlock, squares), where >= kNormBlock) << bad << " at " << where;
      EXPECT_EQ(sum_squares(gradients, kNormBlock, gradients.size(), squares), where < kNormBlock);
      EXPECT_FALSE(std::isfinite(norm_of(squares)));
    }
  }
}

// Whoever sums which blocks, and in whichever order: the same bits. Negative control: other blocks have others.
TEST(GradientNorm, PartsMakeTheBitsOfTheWhole) {
  const std::vector<float> gradients = some_gradients(11 * kNormBlock + 5);
  const auto bits = std::bit_cast<std::uint64_t>(global_norm(gradients));
  for (const std::size_t part : {1, 2, 5, 12}) {
    std::vector<double> squares(norm_blocks(gradients.size()), -1);
    for (std::size_t first = (squares.size() - 1) / part * part + part; first > 0;) {
      first -= part;
      const std::size_t end = std::min((first + part) * kNormBlock, gradients.size());
      EXPECT_TRUE(sum_squares(gradients, first * kNormBlock, end, squares));
    }
    EXPECT_EQ(std::bit_cast<std::uint64_t>(norm_of(squares)), bits) << part << " blocks a part";
  }
  int others = 0;
  for (std::size_t shift = 16; shift < kNormBlock; shift += 16) {
    std::vector<float> shifted(shift);
    shifted.insert(shifted.end(), gradients.begin(), gradients.end());
    if (std::bit_cast<std::uint64_t>(global_norm(shifted)) != bits) ++others;
  }
  EXPECT_GT(others, 0);
}

}  // namespace
}  // namespace lockstep
