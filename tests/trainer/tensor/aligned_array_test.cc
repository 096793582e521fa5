#include "trainer/tensor/aligned_array.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

std::size_t alignment_of(const AlignedArray& array, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(array.data()) % bytes;
}

TEST(AlignedArray, IsZeroedAndOnACacheLine) {
  for (const std::size_t elements : {1, 15, 16, 1000}) {
    const AlignedArray array(elements);
    EXPECT_EQ(array.size(), elements);
    EXPECT_EQ(alignment_of(array, 64), 0u);
    EXPECT_TRUE(std::all_of(array.span().begin(), array.span().end(), [](float value) { return value == 0; }));
  }
}

TEST(AlignedArray, LargeOnesStartAHugePage) {
  const AlignedArray array((std::size_t{2} << 20) / sizeof(float) + 1);
  EXPECT_EQ(alignment_of(array, std::size_t{2} << 20), 0u);
  EXPECT_EQ(array.span().back(), 0.f);
}

TEST(AlignedArray, OfNothingHasNoData) {
  const AlignedArray array(0);
  EXPECT_EQ(array.data(), nullptr);
  EXPECT_TRUE(array.span().empty());
}

TEST(AlignedArray, MovingTakesTheDataAlong) {
  AlignedArray first(8);
  first.data()[7] = 3;
  const float* const data = first.data();
  AlignedArray second(std::move(first));
  EXPECT_EQ(second.data(), data);
  AlignedArray third(4);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 8u);
  EXPECT_EQ(third.data()[7], 3.f);
}

}  // namespace
}  // namespace lockstep
