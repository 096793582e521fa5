#include "trainer/tensor/finite.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(AllFinite, FindsOneValueAtAnyPlace) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), -std::nanf("1")}) {
    for (std::size_t size : {1, 7, 64, 1001}) {
      std::vector<float> values(size, -std::numeric_limits<float>::max());
      EXPECT_TRUE(all_finite(values));
      for (const std::size_t place : {std::size_t{0}, size / 2, size - 1}) {
        values[place] = bad;
        EXPECT_FALSE(all_finite(values)) << bad << " at " << place << " of " << size;
        values[place] = std::numeric_limits<float>::denorm_min();
      }
    }
  }
}

TEST(AllFinite, HoldsForNothing) {
  EXPECT_TRUE(all_finite({}));
}

}  // namespace
}  // namespace lockstep
