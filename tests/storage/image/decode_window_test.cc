#include "storage/image/decode_window.h"

#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

#include "storage/image/resize.h"

namespace lockstep {
namespace {

// A colour of every place.
std::string png(int height, int width) {
  Image image{height, width, 3, 8, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x * 255 / width, y * 255 / height, (x + y) % 256}) {
        image.pixels.push_back(std::byte(value));
      }
    }
  }
  return encode_png(image);
}

TEST(DecodeWindow, IsTheWindowOfTheWholePictureResized) {
  const std::string file = png(60, 90);
  const Image whole = *decode_image(file, {.channels = 3, .bits = 8});
  const PictureWindow window{.top = 7, .left = 11, .height = 31, .width = 50};
  Image part{window.height, window.width, 3, 8, {}};
  for (int y = 0; y < window.height; ++y) {
    const std::byte* const line =
        whole.pixels.data() + std::size_t(window.top + y) * whole.row_bytes() + std::size_t(window.left) * 3;
    part.pixels.insert(part.pixels.end(), line, line + part.row_bytes());
  }
  const StatusOr<Image> got = decode_window(file, window, {.height = 16, .width = 24});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->pixels, resized(part, 16, 24).pixels);
}

TEST(DecodeWindow, OfOnePixelToo) {
  const StatusOr<Image> got =
      decode_window(png(5, 7), {.top = 4, .left = 6, .height = 1, .width = 1}, {.height = 3, .width = 2});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->pixels.size(), 18U);
}

TEST(DecodeWindow, OutsideOfThePictureIsAFault) {
  for (const PictureWindow& window : {PictureWindow{0, 0, 6, 7}, {1, 0, 5, 7}, {0, -1, 5, 7}, {0, 0, 0, 7}}) {
    EXPECT_EQ(exit_code(decode_window(png(5, 7), window, {.height = 4, .width = 4}).status()), 3);
  }
}

}  // namespace
}  // namespace lockstep
