#include "storage/dataset/synthetic.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

std::vector<std::byte> row_of(Dataset& dataset, std::int64_t row) {
  std::vector<std::byte> pixels(dataset.info().image.elements() * bytes_per_pixel(dataset.info().pixel_type));
  EXPECT_TRUE(dataset.read(std::span(&row, 1), pixels).ok());
  return pixels;
}

TEST(SyntheticTest, RowsDependOnSeedAndRowAlone) {
  SyntheticOptions options{.rows = 50, .image = {3, 8, 6}, .classes = 5};
  const auto a = make_synthetic_dataset(options);
  options.rows = 10;
  options.first_row = 30;
  const auto b = make_synthetic_dataset(options);
  for (std::int64_t row = 9; row >= 0; --row) {
    EXPECT_EQ(row_of(*b, row), row_of(*a, row + 30));
    EXPECT_EQ(all_targets(*b)[std::size_t(row)], all_targets(*a)[std::size_t(row + 30)]);
  }
  EXPECT_NE(row_of(*a, 0), row_of(*a, 1));
  options.seed = 2;
  EXPECT_NE(row_of(*make_synthetic_dataset(options), 0), row_of(*b, 0));
}

TEST(SyntheticTest, FloatsAreTheSameValuesOverTheirScale) {
  SyntheticOptions options{.rows = 3, .image = {1, 5, 5}, .classes = 2};
  const auto bytes = make_synthetic_dataset(options);
  options.pixel_type = PixelType::kFloat32;
  const auto floats = make_synthetic_dataset(options);
  const auto byte_row = row_of(*bytes, 2), float_row = row_of(*floats, 2);
  for (std::size_t i = 0; i < byte_row.size(); ++i) {
    float value;
    std::memcpy(&value, &float_row[i * 4], 4);
    EXPECT_EQ(value, float(std::to_integer<int>(byte_row[i])) / 255.0f);
  }
  EXPECT_NEAR(bytes->info().mean[0], floats->info().mean[0], 1e-6);
}

TEST(SyntheticTest, WordsAreTheSameShares) {
  SyntheticOptions options{.rows = 3, .image = {1, 5, 5}, .classes = 2};
  const auto bytes = make_synthetic_dataset(options);
  options.pixel_type = PixelType::kUint16;
  const auto words = make_synthetic_dataset(options);
  const auto byte_row = row_of(*bytes, 2), word_row = row_of(*words, 2);
  for (std::size_t i = 0; i < byte_row.size(); ++i) {
    std::uint16_t value;
    std::memcpy(&value, &word_row[i * 2], 2);
    EXPECT_EQ(value, 257 * std::to_integer<int>(byte_row[i]));
  }
  EXPECT_NEAR(bytes->info().mean[0], words->info().mean[0], 1e-6);
  EXPECT_NEAR(bytes->info().deviation[0], words->info().deviation[0], 1e-6);
}

// The nearest class centre, learned from other rows, recognizes nearly all rows: there is something to learn.
TEST(SyntheticTest, ClassesCanBeLearned) {
  const int classes = 10;
  const auto train = make_synthetic_dataset({.rows = 1000, .image = {1, 12, 12}, .classes = classes});
  const auto test = make_synthetic_dataset({.rows = 200, .image = {1, 12, 12}, .classes = classes, .first_row = 1000});
  std::vector<std::vector<double>> centres(classes, std::vector<double>(144, 0));
  std::vector<double> counts(classes, 0);
  const std::vector<float> labels = all_targets(*train);
  for (std::int64_t row = 0; row < 1000; ++row) {
    const auto label = std::size_t(labels[std::size_t(row)]);
    const auto pixels = row_of(*train, row);
    for (std::size_t i = 0; i < 144; ++i) centres[label][i] += double(std::to_integer<int>(pixels[i]));
    counts[label] += 1;
  }
  int correct = 0;
  for (std::int64_t row = 0; row < 200; ++row) {
    const auto pixels = row_of(*test, row);
    std::size_t best = 0;
    double best_distance = std::numeric_limits<double>::max();
    for (std::size_t label = 0; label < std::size_t(classes); ++label) {
      double distance = 0;
      for (std::size_t i = 0; i < 144; ++i) {
        distance += std::pow(double(std::to_integer<int>(pixels[i])) - centres[label][i] / counts[label], 2);
      }
      if (distance >= best_distance) continue;
      best_distance = distance;
      best = label;
    }
    correct += float(best) == all_targets(*test)[std::size_t(row)];
  }
  EXPECT_GE(correct, 195);
  for (const double count : counts) EXPECT_GT(count, 50);  // of about 100 each
}

}  // namespace
}  // namespace lockstep
