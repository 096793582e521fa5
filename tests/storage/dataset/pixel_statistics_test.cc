#include "storage/dataset/pixel_statistics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

TEST(PixelStatisticsTest, DoesNotDependOnTheBatches) {
  std::vector<std::byte> pixels(100 * 24);
  Philox random(3, Purpose::kSynthetic, 0, 0);
  for (std::byte& pixel : pixels) pixel = std::byte(random.below(256));
  PixelStatistics whole({2, 3, 4}, PixelType::kUint8), parts({2, 3, 4}, PixelType::kUint8);
  whole.add(pixels);
  for (std::size_t row = 0; row < 100;) {
    const std::size_t count = std::min<std::size_t>(1 + random.below(9), 100 - row);
    parts.add(std::span(pixels).subspan(row * 24, count * 24));
    row += count;
  }
  EXPECT_EQ(whole.mean(), parts.mean());
  EXPECT_EQ(whole.deviation(), parts.deviation());
}

// A sum of squares less the square of the sum would lose every digit here.
TEST(PixelStatisticsTest, DoesNotCancel) {
  PixelStatistics statistics({1, 1, 2}, PixelType::kFloat32);
  const std::vector<float> row = {1e6f, 1e6f + 1};
  for (int i = 0; i < 1000; ++i) statistics.add(std::as_bytes(std::span(row)));
  EXPECT_FLOAT_EQ(statistics.mean()[0], 1e6f + 0.5f);
  EXPECT_FLOAT_EQ(statistics.deviation()[0], 0.5f);
}

TEST(PixelStatisticsTest, ConstantPixelsHaveDeviationOne) {
  PixelStatistics statistics({2, 1, 1}, PixelType::kUint8);
  statistics.add(std::vector<std::byte>{std::byte(255), std::byte(0), std::byte(255), std::byte(51)});
  EXPECT_EQ(statistics.mean(), (std::vector<float>{1.0f, 0.1f}));
  EXPECT_EQ(statistics.deviation(), (std::vector<float>{1.0f, 0.1f}));
}

}  // namespace
}  // namespace lockstep
