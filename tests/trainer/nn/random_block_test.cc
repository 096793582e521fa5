#include "trainer/nn/kernels/random_block.h"

#include <gtest/gtest.h>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

TEST(RandomBlock, IsPhiloxSixteenBlocksAtATime) {
  const std::array<std::uint32_t, 2> key = {0x12345678, 0xFEDCBA98};
  for (const std::uint32_t index : {0U, 1U, 77U, (1U << 28) - 1}) {
    const RandomBlock block = random_block(key, index);
    for (std::uint32_t lane = 0; lane < 16; ++lane) {
      const std::array<std::uint32_t, 4> slow = philox_block({16 * index + lane, 0, 0, 0}, key);
      for (std::size_t word = 0; word < 4; ++word)
        EXPECT_EQ(block[16 * word + lane], slow[word]) << index << " " << lane;
    }
  }
}

TEST(RandomBlock, AnotherKeyGivesOtherNumbers) {
  EXPECT_NE(random_block({1, 2}, 0), random_block({2, 1}, 0));
  EXPECT_NE(random_block({1, 2}, 0), random_block({1, 2}, 1));
}

}  // namespace
}  // namespace lockstep
