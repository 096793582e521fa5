// What needs no files of others; those are tested beside Pillow (tests/storage/import).
#include "storage/image/image.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

#include "storage/base/philox.h"
#include "storage/image/conversion.h"
#include "storage/image/exif.h"
#include "storage/image/resize.h"

namespace lockstep {
namespace {

Image image_of(int height, int width, int channels, const std::vector<int>& values) {
  Image image{height, width, channels, 8, {}};
  for (const int value : values) image.pixels.push_back(std::byte(std::uint8_t(value)));
  return image;
}

std::vector<int> values_of(const Image& image) {
  std::vector<int> values;
  for (const std::byte byte : image.pixels) values.push_back(std::to_integer<int>(byte));
  return values;
}

Image random_image(int height, int width, int channels, int bits) {
  Image image{height, width, channels, bits, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(height));
  Philox random(3, Purpose::kSynthetic, 0, std::uint64_t(height * width));
  for (std::byte& byte : image.pixels) byte = std::byte(std::uint8_t(random.below(256)));
  return image;
}

double value_at(const Image& image, int y, int x, int c) {
  const std::size_t i =
      (std::size_t(y) * std::size_t(image.width) + std::size_t(x)) * std::size_t(image.channels) + std::size_t(c);
  return image.bits == 8
             ? std::to_integer<int>(image.pixels[i])
             : std::to_integer<int>(image.pixels[2 * i]) + 256 * std::to_integer<int>(image.pixels[2 * i + 1]);
}

// 1 2 3
// 4 5 6  as EXIF's eight numbers turn it.
TEST(Conversion, EightOrientations) {
  const Image image = image_of(2, 3, 1, {1, 2, 3, 4, 5, 6});
  const std::vector<std::vector<int>> expected = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                                  {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                                  {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image made = turned(image, orientation);
    EXPECT_EQ(made.height, orientation >= 5 ? 3 : 2);
    EXPECT_EQ(values_of(made), expected[std::size_t(orientation - 1)]) << orientation;
  }
  EXPECT_EQ(values_of(turned(image, 0)), values_of(image));
  EXPECT_EQ(values_of(turned(image, 9)), values_of(image));
}

TEST(Conversion, AlphaShowsTheBackground) {
  const Image image = image_of(1, 3, 4, {10, 20, 30, 255, 10, 20, 30, 0, 100, 0, 200, 128});
  EXPECT_EQ(values_of(without_alpha(image, {255, 0, 5})), (std::vector<int>{10, 20, 30, 255, 0, 5, 177, 0, 103}));
  const Image grey = image_of(1, 2, 2, {10, 255, 10, 0});
  EXPECT_EQ(values_of(without_alpha(grey, {7, 7, 7})), (std::vector<int>{10, 7}));
  EXPECT_EQ(values_of(without_alpha(grey, {7, 8, 9})), (std::vector<int>{10, 10, 10, 7, 8, 9}));
}

TEST(Conversion, ChannelsAndDepths) {
  EXPECT_EQ(values_of(with_channels(image_of(1, 2, 3, {255, 255, 255, 255, 0, 0}), 1)), (std::vector<int>{255, 76}));
  EXPECT_EQ(values_of(with_channels(image_of(1, 2, 1, {3, 4}), 3)), (std::vector<int>{3, 3, 3, 4, 4, 4}));
  for (int value = 0; value < 256; ++value) {
    const Image wide = with_bits(image_of(1, 1, 1, {value}), 16);
    EXPECT_EQ(value_at(wide, 0, 0, 0), value * 257);
    EXPECT_EQ(values_of(with_bits(wide, 8)), std::vector<int>{value});
  }
}

// The definition: a triangle over the stored pixels, in double, both ways at once.
TEST(Resize, AsItsDefinition) {
  for (const int bits : {8, 16}) {
    for (const int channels : {1, 3}) {
      const Image image = random_image(23, 17, channels, bits);
      for (const auto& [height, width] : {std::pair{23, 17}, {10, 40}, {50, 5}, {1, 1}, {64, 64}}) {
        const Image made = resized(image, height, width);
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            const auto triangle = [](int place, int to, int from, int at) {
              const double scale = double(from) / to, radius = std::max(scale, 1.0);
              return std::max(0.0, 1 - std::abs(at + 0.5 - (place + 0.5) * scale) / radius);
            };
            for (int c = 0; c < channels; ++c) {
              double sum = 0, weights = 0;
              for (int i = 0; i < image.height; ++i) {
                for (int j = 0; j < image.width; ++j) {
                  const double weight = triangle(y, height, image.height, i) * triangle(x, width, image.width, j);
                  sum += weight * value_at(image, i, j, c);
                  weights += weight;
                }
              }
              ASSERT_NEAR(value_at(made, y, x, c), sum / weights, 1.01) << height << " x " << width << ", " << bits;
            }
          }
        }
      }
    }
  }
}

TEST(Resize, OfOneValueIsThatValue) {
  const Image image = image_of(5, 7, 1, std::vector<int>(35, 200));
  EXPECT_EQ(values_of(resized(image, 11, 3)), std::vector<int>(33, 200));
  EXPECT_EQ(values_of(fitted(image, 4, 1, Fit::kPad, {9, 9, 9})), (std::vector<int>{9, 200, 9, 9}));
  EXPECT_EQ(values_of(fitted(image, 1, 4, Fit::kCrop, {9, 9, 9})), std::vector<int>(4, 200));
}

// Pixels that are their column plus one: what is made of them lies near the column that is told, and the background is
// where none is.
TEST(Resize, NearestPlacesAreThoseOfFitted) {
  for (const auto& [height, width] : {std::pair{20, 90}, {90, 40}, {31, 31}, {1, 7}}) {
    Image image{height, width, 1, 8, {}};
    for (int i = 0; i < height * width; ++i) image.pixels.push_back(std::byte(std::uint8_t(i % width + 1)));
    for (const auto& [to_height, to_width] : {std::pair{20, 90}, {64, 64}, {33, 150}, {15, 10}}) {
      for (const Fit fit : {Fit::kCrop, Fit::kPad, Fit::kExact}) {
        const Image made = fitted(image, to_height, to_width, fit, {0, 0, 0});
        const NearestPlaces places = nearest_places(height, width, to_height, to_width, fit);
        ASSERT_EQ(places.lines.size(), std::size_t(to_height));
        ASSERT_EQ(places.columns.size(), std::size_t(to_width));
        for (int i = 0; i < to_height * to_width; ++i) {
          const int line = places.lines[std::size_t(i / to_width)], column = places.columns[std::size_t(i % to_width)];
          const double value = value_at(made, i / to_width, i % to_width, 0);
          ASSERT_EQ(value == 0, line < 0 || column < 0) << i;
          ASSERT_LT(line, height);
          if (value > 0) {
            ASSERT_NEAR(value, column + 1, std::max(1.0, 0.5 + 0.25 * width / to_width)) << i;
          }
        }
      }
    }
  }
}

TEST(DecodeIndices, OfNetpbm) {
  const auto indices = decode_indices("P2 3 1 9 0 7 9");
  ASSERT_TRUE(indices.ok()) << indices.status();
  EXPECT_EQ(values_of(*indices), (std::vector<int>{0, 7, 9}));
  EXPECT_EQ(values_of(*decode_image("P2 3 1 9 0 7 9", {})), (std::vector<int>{0, 198, 255}));
  EXPECT_EQ(values_of(*decode_indices("P1 3 1 0 1 0")), (std::vector<int>{1, 0, 1}));
  EXPECT_THAT(std::string(decode_indices("P3 1 1 9 1 2 3").status().message()),
              testing::StartsWith("is a PNM of 3 channels: expected one number a pixel"));
}

std::string exif_block(std::string order, int tag, int type, int value, std::size_t bytes) {
  const bool little = order == "II";
  const auto number = [&](int of, int width) {
    std::string text;
    for (int i = 0; i < width; ++i) text += char(of >> (8 * (little ? i : width - 1 - i)));
    return text;
  };
  const std::string whole = order + number(42, 2) + number(8, 4) + number(1, 2) + number(tag, 2) + number(type, 2) +
                            number(1, 4) + number(value, 2) + number(0, 2) + number(0, 4);
  return whole.substr(0, bytes);
}

TEST(Exif, TheOrientationOrOne) {
  for (const char* order : {"II", "MM"}) {
    EXPECT_EQ(exif_orientation(exif_block(order, 274, 3, 6, 100)), 6);
    EXPECT_EQ(exif_orientation(exif_block(order, 274, 3, 9, 100)), 1);
    EXPECT_EQ(exif_orientation(exif_block(order, 274, 4, 6, 100)), 1);
    EXPECT_EQ(exif_orientation(exif_block(order, 275, 3, 6, 100)), 1);
    for (std::size_t bytes = 0; bytes < 22; ++bytes) {
      EXPECT_EQ(exif_orientation(exif_block(order, 274, 3, 6, bytes)), 1) << bytes;
    }
  }
  std::string far = exif_block("II", 274, 3, 6, 100);
  far.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(exif_orientation(far), 1);
}

TEST(DecodeImage, SaysWhatItIsNot) {
  EXPECT_EQ(decode_image("", {}).status().message(), "is empty");
  const auto text = decode_image("hello", {});
  EXPECT_EQ(text.status().message(),
            "is no picture that is read here: expected JPEG, PNG, WebP, PNM, TIFF; its first bytes are 68 65 6c 6c 6f");
}

TEST(EncodePng, IsReadBackAsItWas) {
  for (const int bits : {8, 16}) {
    for (const int channels : {1, 3}) {
      const Image image = random_image(13, 7, channels, bits);
      const std::string file = encode_png(image);
      const StatusOr<Image> read = decode_image(file, {});
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->channels, channels);
      EXPECT_EQ(read->bits, bits);
      EXPECT_EQ(read->pixels, image.pixels);
      EXPECT_EQ(encode_png(image), file);
    }
  }
}

TEST(EncodePng, TextsAreInTheirChunks) {
  const Image image = random_image(2, 2, 3, 8);
  const std::vector<PngText> texts = {{"Command", "lockstep data info a.h5"}, {"Rows", "caf\u00e9\nline"}};
  const std::string file = encode_png(image, texts);
  using namespace std::string_literals;
  EXPECT_NE(file.find("tEXtCommand\0lockstep data info a.h5"s), std::string::npos);
  EXPECT_NE(file.find("iTXtRows\0\0\0\0\0caf\u00e9\nline"s), std::string::npos);
  EXPECT_EQ(file.find("tIME"), std::string::npos);
  EXPECT_EQ(encode_png(image, texts), file);
}

}  // namespace
}  // namespace lockstep
