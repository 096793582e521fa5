// Resizing beside its slow twin, which makes one value at a time; parts of pictures that are whole would fill memory.
#include "storage/image/resize.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/philox.h"
#include "storage/image/resample.h"

namespace lockstep {
namespace {

Image random_image(int height, int width, int channels, int bits) {
  Image image{height, width, channels, bits, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(height));
  Philox random(3, Purpose::kSynthetic, 0, std::uint64_t(height) * std::uint64_t(width));
  for (std::byte& byte : image.pixels) byte = std::byte(std::uint8_t(random.next() >> 24));
  return image;
}

std::int64_t value_at(const Image& image, std::int64_t y, std::int64_t x, int c) {
  const std::size_t i =
      (std::size_t(y) * std::size_t(image.width) + std::size_t(x)) * std::size_t(image.channels) + std::size_t(c);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(image.pixels.data());
  return image.bits == 8 ? bytes[i] : reinterpret_cast<const std::uint16_t*>(bytes)[i];
}

// Place `i` of a line of `to` places over `from` values, which `value` gives: a triangle, its weights in 2^-22.
template <typename Value>
std::int64_t slow_place(std::int64_t i, std::int64_t to, int from, int bits, Value value) {
  const double scale = double(from) / double(to), radius = std::max(scale, 1.0), centre = (double(i) + 0.5) * scale;
  const int first = std::max(0, int(centre - radius + 0.5)), end = std::min(from, int(centre + radius + 0.5));
  const auto share = [&](int at) { return std::max(0.0, 1 - std::abs((at - centre + 0.5) / radius)); };
  double shares = 0;
  for (int at = first; at < end; ++at) shares += share(at);
  std::int64_t sum = 1 << 21;
  for (int at = first; at < end; ++at) sum += std::lround(share(at) / shares * (1 << 22)) * value(at);
  return std::min<std::int64_t>(sum >> 22, (1 << bits) - 1);
}

// Value (y, x, c) of the picture when it is `height` x `width`: first its lines, then its columns.
std::int64_t slow_value(const Image& image, std::int64_t height, std::int64_t width, std::int64_t y, std::int64_t x,
                        int c) {
  return slow_place(y, height, image.height, image.bits, [&](int line) {
    return slow_place(x, width, image.width, image.bits, [&](int at) { return value_at(image, line, at, c); });
  });
}

void expect_part(const Image& image, const PartOfWhole& part, const Image& made) {
  ASSERT_EQ(made.height, part.height);
  ASSERT_EQ(made.width, part.width);
  ASSERT_EQ(made.pixels.size(), made.row_bytes() * std::size_t(made.height));
  for (int y = 0; y < part.height; ++y) {
    for (int x = 0; x < part.width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        ASSERT_EQ(value_at(made, y, x, c),
                  slow_value(image, part.whole_height, part.whole_width, part.top + y, part.left + x, c))
            << image.height << " x " << image.width << " to " << part.whole_height << " x " << part.whole_width
            << " at " << y << ", " << x;
      }
    }
  }
}

TEST(Resize, AsItsSlowTwin) {
  for (const int bits : {8, 16}) {
    for (const int channels : {1, 3}) {
      for (const auto& [height, width] : {std::pair{37, 53}, {1, 1}, {16, 17}, {5, 90}, {100, 3}}) {
        const Image image = random_image(height, width, channels, bits);
        for (const auto& [to_height, to_width] : {std::pair{9, 11}, {37, 20}, {20, 53}, {64, 64}, {1, 1}, {50, 7}}) {
          expect_part(image, {to_height, to_width, 0, 0, to_height, to_width}, resized(image, to_height, to_width));
        }
      }
    }
  }
}

TEST(Resize, APartIsThatOfTheWhole) {
  Philox random(1, Purpose::kSynthetic, 0, 0);
  const auto side = [&](std::uint32_t most) { return 1 + int(random.below(most)); };
  for (int i = 0; i < 300; ++i) {
    const Image image = random_image(side(60), side(60), i % 2 == 0 ? 3 : 1, i % 3 == 0 ? 16 : 8);
    PartOfWhole part{side(80), side(80), 0, 0, 0, 0};
    part.height = side(std::uint32_t(part.whole_height));
    part.width = side(std::uint32_t(part.whole_width));
    part.top = random.below(std::uint32_t(part.whole_height - part.height + 1));
    part.left = random.below(std::uint32_t(part.whole_width - part.width + 1));
    expect_part(image, part, resampled(image, part));
  }
}

// Scaled until they cover 224 x 224, these are of up to 13 million lines or columns, and 9 GB.
TEST(Resize, OfAThinPictureOnlyThePartThatIsKept) {
  const std::array<std::uint8_t, 3> black = {0, 0, 0};
  struct Thin {
    int height, width;
    PartOfWhole part;
  };
  for (const Thin& it : {Thin{60'000, 1, {13'440'000, 224, 6'719'888, 0, 224, 224}},
                         {1, 60'000, {224, 13'440'000, 0, 6'719'888, 224, 224}},
                         {60'000, 2, {6'720'000, 224, 3'359'888, 0, 224, 224}},
                         {kLongestSide, 3, {78'293'675, 224, 39'146'725, 0, 224, 224}}}) {
    const Image image = random_image(it.height, it.width, 3, 8);
    expect_part(image, it.part, fitted(image, 224, 224, Fit::kCrop, black));
    const Image pad = fitted(image, 224, 224, Fit::kPad, black);
    EXPECT_EQ(pad.pixels.size(), 224U * 224 * 3);
  }
  const Image line = random_image(1, kLongestSide, 1, 8);
  expect_part(line, {3, 5, 0, 0, 3, 5}, fitted(line, 3, 5, Fit::kExact, black));
}

TEST(Resize, PadPutsItInTheMiddle) {
  const Image image = random_image(4, 6, 3, 16);
  const Image made = fitted(image, 11, 6, Fit::kPad, {1, 2, 3});
  for (int y = 0; y < 11; ++y) {
    for (int x = 0; x < 6; ++x) {
      for (int c = 0; c < 3; ++c) {
        const bool inside = y >= 3 && y < 7;
        ASSERT_EQ(value_at(made, y, x, c), inside ? value_at(image, y - 3, x, c) : (c + 1) * 257) << y << ", " << x;
      }
    }
  }
}

}  // namespace
}  // namespace lockstep
