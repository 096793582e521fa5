#include "trainer/tensor/tensor.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Tensor, LieOneBehindAnotherInWholeCacheLines) {
  std::vector<TensorInfo> tensors;
  EXPECT_EQ(arena_elements(tensors), 0u);
  append_tensor({.name = "a", .shape = {3, 3}, .elements = 9}, tensors);
  append_tensor({.name = "b", .shape = {16}, .elements = 16}, tensors);
  append_tensor({.name = "c", .shape = {17}, .elements = 17}, tensors);
  EXPECT_EQ(tensors[0].offset, 0u);
  EXPECT_EQ(tensors[0].elements, 16u);
  EXPECT_EQ(tensors[1].offset, 16u);
  EXPECT_EQ(tensors[1].elements, 16u);
  EXPECT_EQ(tensors[2].offset, 32u);
  EXPECT_EQ(tensors[2].elements, 32u);
  EXPECT_EQ(arena_elements(tensors), 64u);
}

TEST(Tensor, PlainElementsAreTheProductOfTheShape) {
  EXPECT_EQ(plain_elements({.name = "a", .shape = {64, 3, 7, 7}}), 64 * 3 * 49);
  EXPECT_EQ(plain_elements({.name = "b", .shape = {10}}), 10);
}

}  // namespace
}  // namespace lockstep
