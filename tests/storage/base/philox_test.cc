#include "storage/base/philox.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr std::uint32_t kOnes = 0xffffffff;
using Block = std::array<std::uint32_t, 4>;

// The known answers that Random123 publishes for philox4x32, 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_block({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<std::uint32_t> take(Philox stream, int count) {
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(stream.next());
  return numbers;
}

TEST(Philox, AStreamIsAFunctionOfItsKey) {
  const Philox stream(7, Purpose::kDropout, 3, 5);
  EXPECT_EQ(take(stream, 100), take(Philox(7, Purpose::kDropout, 3, 5), 100));
  const Block first = philox_block({0, 3, 5, 0}, {7 ^ (4 * 0x7F4A7C15U), 0x78DDE6E5});
  EXPECT_EQ(take(stream, 4), std::vector<std::uint32_t>(first.begin(), first.end()));
}

// Streams that differ in one part of their key have no number in common (300 numbers of 2^32 each).
TEST(Philox, StreamsAreApart) {
  std::multiset<std::uint32_t> numbers;
  const std::vector<Philox> streams = {
      Philox(1, Purpose::kDropout, 0, 0),  Philox(2, Purpose::kDropout, 0, 0),
      Philox(1, Purpose::kRowOrder, 0, 0), Philox(1, Purpose::kDropout, 1, 0),
      Philox(1, Purpose::kDropout, 0, 1),  Philox(1ULL << 32, Purpose::kDropout, 0, 0),
      Philox(0, Purpose::kDropout, 0, 0),  Philox(1, Purpose::kDropout, 0, 1ULL << 32)};
  for (const Philox& stream : streams) {
    for (const std::uint32_t number : take(stream, 300)) numbers.insert(number);
  }
  EXPECT_EQ(std::set<std::uint32_t>(numbers.begin(), numbers.end()).size(), 2400U);
}

TEST(Philox, UniformIsInRangeWithMeanAndVariance) {
  Philox stream(1, Purpose::kSynthetic, 0, 0);
  constexpr int kCount = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const float value = stream.uniform();
    ASSERT_GE(value, 0.0F);
    ASSERT_LT(value, 1.0F);
    sum += value;
    squares += double(value) * value;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 0.5, 0.004);  // four standard errors
  EXPECT_NEAR(squares / kCount - mean * mean, 1.0 / 12, 0.001);
}

// Chi-square over the values that occur: its mean is bound - 1, its standard deviation sqrt(2 (bound - 1)).
double chi_square(std::uint32_t bound, const std::vector<std::uint32_t>& values) {
  std::vector<double> counts(bound);
  for (const std::uint32_t value : values) counts.at(value) += 1;
  const double expected = double(values.size()) / bound;
  double sum = 0;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Philox, BelowIsUniform) {
  for (const std::uint32_t bound : {1U, 2U, 3U, 10U, 1000U}) {
    Philox stream(1, Purpose::kRowOrder, bound, 0);
    std::vector<std::uint32_t> values;
    for (int i = 0; i < 100000; ++i) values.push_back(stream.below(bound));
    const double freedom = bound - 1.0;
    EXPECT_LE(chi_square(bound, values), freedom + 4 * std::sqrt(2 * freedom)) << bound;
  }
}

// With bound 3 * 2^30 the biased way (multiply and shift alone) gives two thirds of the values one preimage and a
// third two: exactly those divisible by three. The negative control shows that the test would see it.
TEST(Philox, BelowHasNoBiasWhereMultiplyAndShiftHas) {
  constexpr std::uint32_t kBound = 3U << 30;
  Philox stream(1, Purpose::kRowOrder, 0, 0);
  std::vector<std::uint32_t> values;
  std::vector<std::uint32_t> biased;
  for (int i = 0; i < 30000; ++i) {
    values.push_back(stream.below(kBound) % 3);
    biased.push_back(static_cast<std::uint32_t>((std::uint64_t(stream.next()) * kBound) >> 32) % 3);
  }
  EXPECT_LE(chi_square(3, values), 10);
  EXPECT_GE(chi_square(3, biased), 1000);
}

TEST(PhiloxDeathTest, BelowZero) {
  Philox stream(1, Purpose::kRowOrder, 0, 0);
  EXPECT_DEATH(stream.below(0), "bound > 0");
}

TEST(Philox, NormalHasMomentsAndTails) {
  Philox stream(1, Purpose::kInitialization, 0, key_of("convolution_1/weights"));
  constexpr int kCount = 200000;
  double moments[5] = {};
  int beyond_two = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.normal();
    ASSERT_TRUE(std::isfinite(value));
    for (int power = 1; power <= 4; ++power) moments[power] += std::pow(value, power) / kCount;
    beyond_two += std::abs(value) > 2 ? 1 : 0;
  }
  EXPECT_NEAR(moments[1], 0, 0.01);
  EXPECT_NEAR(moments[2], 1, 0.015);
  EXPECT_NEAR(moments[3], 0, 0.04);
  EXPECT_NEAR(moments[4], 3, 0.1);
  EXPECT_NEAR(double(beyond_two) / kCount, 0.0455, 0.002);
}

TEST(KeyOf, IsXxh3) {
  EXPECT_EQ(key_of(""), 0x2d06800538d394c2U);  // published with XXH3
  EXPECT_NE(key_of("a/weights"), key_of("b/weights"));
}

}  // namespace
}  // namespace lockstep
