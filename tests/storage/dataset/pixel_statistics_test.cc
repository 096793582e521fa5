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

std::vector<std::byte> bytes_of(const std::vector<std::uint16_t>& pixels) {
  const auto bytes = std::as_bytes(std::span(pixels));
  return {bytes.begin(), bytes.end()};
}

// Squares of these do not fit a double when they are added.
TEST(PixelStatisticsTest, Uint16DoesNotCancel) {
  constexpr int kSide = 1500;
  std::vector<std::uint16_t> pixels(std::size_t(kSide) * kSide, 65535);
  PixelStatistics constant({1, kSide, kSide}, PixelType::kUint16), one_off = constant;
  constant.add(bytes_of(pixels));
  EXPECT_EQ(constant.mean(), std::vector<float>{1});
  EXPECT_EQ(constant.deviation(), std::vector<float>{1});  // 0 would be
  pixels[7] = 65534;
  one_off.add(bytes_of(pixels));
  EXPECT_FLOAT_EQ(one_off.deviation()[0], 1 / (65535.0f * kSide));
}

TEST(PixelStatisticsTest, Uint16AgainstTheSlowWay) {
  const std::size_t rows = 60, values = 2 * 3 * 4;
  std::vector<std::uint16_t> pixels(rows * values);
  Philox random(4, Purpose::kSynthetic, 0, 0);
  for (std::uint16_t& pixel : pixels) pixel = std::uint16_t(random.below(65536));
  PixelStatistics statistics({2, 3, 4}, PixelType::kUint16);
  statistics.add(bytes_of(pixels));
  for (std::size_t channel = 0; channel < 2; ++channel) {
    const double count = double(pixels.size()) / 2;
    double mean = 0, squares = 0;
    for (std::size_t i = channel; i < pixels.size(); i += 2) mean += pixels[i] / 65535.0 / count;
    for (std::size_t i = channel; i < pixels.size(); i += 2) squares += std::pow(pixels[i] / 65535.0 - mean, 2);
    EXPECT_FLOAT_EQ(statistics.mean()[channel], float(mean));
    EXPECT_FLOAT_EQ(statistics.deviation()[channel], float(std::sqrt(squares / count)));
  }
}

// Their bits are in the fingerprints of files that were trained from before there was uint16.
TEST(PixelStatisticsTest, BitsOfUint8StayWhatTheyWere) {
  std::vector<std::byte> row(1000);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = std::byte(i * i % 253);
  PixelStatistics statistics({1, 25, 40}, PixelType::kUint8);
  statistics.add(row);
  double sum = 0, squares = 0;
  for (const std::byte pixel : row) {
    sum += std::to_integer<int>(pixel);
    squares += std::to_integer<int>(pixel) * std::to_integer<int>(pixel);
  }
  const double distances = std::fma(-sum, sum / 1000, squares);
  EXPECT_EQ(statistics.mean()[0], float(sum / 1000 / 255));
  EXPECT_EQ(statistics.deviation()[0], float(std::sqrt(distances / 1000) / 255));
}

TEST(PixelStatisticsTest, ConstantPixelsHaveDeviationOne) {
  PixelStatistics statistics({2, 1, 1}, PixelType::kUint8);
  statistics.add(std::vector<std::byte>{std::byte(255), std::byte(0), std::byte(255), std::byte(51)});
  EXPECT_EQ(statistics.mean(), (std::vector<float>{1.0f, 0.1f}));
  EXPECT_EQ(statistics.deviation(), (std::vector<float>{1.0f, 0.1f}));
}

}  // namespace
}  // namespace lockstep
