#include "storage/picture/canvas.h"

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "storage/picture/font.h"
#include "storage/picture/text.h"

namespace lockstep {
namespace {

using Lines = std::vector<std::string>;

// White is a blank, ink #, anything else +.
Lines drawn(const Canvas& canvas) {
  Lines lines;
  for (int y = 0; y < canvas.height(); ++y) {
    std::string line;
    for (int x = 0; x < canvas.width(); ++x) {
      const Colour colour = canvas.pixel(x, y);
      line += colour == kWhite ? ' ' : colour == kInk ? '#' : '+';
    }
    lines.push_back(line);
  }
  return lines;
}

Lines written(std::string_view text, int scale = 1) {
  Canvas canvas(text_width(text, scale), kCellHeight * scale);
  canvas.write(text, 0, 0, kInk, scale);
  return drawn(canvas);
}

Image picture_of(int height, int width, int channels, const std::vector<int>& values) {
  Image image{height, width, channels, 8, {}};
  for (const int value : values) image.pixels.push_back(std::byte(std::uint8_t(value)));
  return image;
}

TEST(Canvas, TextIsDrawnAsTheFontHasIt) {
  EXPECT_EQ(written("Ag\u00e9\u2026"), (Lines{"                        ",  //
                                              "  #         #####       ",  //
                                              " # #        #   #       ",  //
                                              "#   #  #### #   #       ",  //
                                              "#   # #   # #   #       ",  //
                                              "##### #   # #   #       ",  //
                                              "#   # #   # #   #       ",  //
                                              "#   # #  ## #   #       ",  //
                                              "#   #  ## # ##### # # # ",  //
                                              "          #             ",  //
                                              "       ###              ",  //
                                              "                        "}));
}

TEST(Canvas, LargeTextIsSmallTextEnlarged) {
  const Lines small = written("R2"), large = written("R2", 3);
  ASSERT_EQ(large.size(), 3 * small.size());
  for (std::size_t y = 0; y < large.size(); ++y) {
    for (std::size_t x = 0; x < large[y].size(); ++x) ASSERT_EQ(large[y][x], small[y / 3][x / 3]);
  }
}

TEST(Canvas, PrintableCharactersAreAllDifferent) {
  std::set<Lines> seen;
  for (char c = ' '; c <= '~'; ++c) EXPECT_TRUE(seen.insert(written(std::string(1, c))).second) << c;
  EXPECT_TRUE(seen.insert(written("\u00e9")).second);
  EXPECT_EQ(written("\u00e9"), written("\u732b"));
}

TEST(Canvas, WhatATerminalWouldActOnIsSpelledOut) {
  EXPECT_EQ(written("a\x1b\n"), written("a\\x1b\\n"));
  EXPECT_EQ(written("\xff"), written("\\xff"));
}

TEST(Canvas, PicturesAreEnlargedInSquares) {
  Canvas canvas(7, 5);
  canvas.draw(picture_of(2, 2, 1, {255, 7, 7, 255}), 1, 0, 2);
  EXPECT_EQ(drawn(canvas), (Lines{"   ++  ", "   ++  ", " ++    ", " ++    ", "       "}));
  EXPECT_EQ(canvas.pixel(1, 2), (Colour{7, 7, 7}));
  canvas.draw(picture_of(1, 2, 3, {1, 2, 3, 4, 5, 6}), 0, 4);
  EXPECT_EQ(canvas.pixel(0, 4), (Colour{1, 2, 3}));
  EXPECT_EQ(canvas.pixel(1, 4), (Colour{4, 5, 6}));
}

TEST(Canvas, WhatIsOutsideIsNotDrawn) {
  Canvas canvas(4, 3);
  canvas.fill({-5, -5, 6, 6}, kInk);
  canvas.fill({3, 2, 100, 100}, kInk);
  canvas.fill({2, 0, -1, 3}, kInk);
  EXPECT_EQ(drawn(canvas), (Lines{"#   ", "    ", "   #"}));
  canvas.write("Wg", -3, -3);
  canvas.draw(picture_of(1, 1, 1, {0}), 2, 2, 9);
  EXPECT_EQ(canvas.pixel(3, 2), (Colour{0, 0, 0}));
}

TEST(Canvas, AFrameIsAroundItsPlace) {
  Canvas canvas(5, 4);
  canvas.frame({1, 1, 3, 2}, kInk);
  EXPECT_EQ(drawn(canvas), (Lines{"#####", "#   #", "#   #", "#####"}));
}

TEST(Canvas, ManyColoursAreDifferent) {
  std::set<std::tuple<int, int, int>> seen;
  for (std::size_t i = 0; i < 36; ++i) {
    const Colour colour = colour_of(i);
    EXPECT_TRUE(seen.insert({colour.red, colour.green, colour.blue}).second) << i;
  }
  EXPECT_EQ(colour_of(36), colour_of(0));
}

TEST(Text, LongTextIsCutWithAnEllipsis) {
  EXPECT_EQ(shortened("Sneaker", 7), "Sneaker");
  EXPECT_EQ(shortened("Sneaker", 5), "Snea\u2026");
  EXPECT_EQ(shortened_at_front("photos/cat/3.jpg", 6), "\u20263.jpg");
  EXPECT_EQ(shortened("\u732b\u732b\u732b", 2), "\u732b\u2026");
  EXPECT_EQ(shortened_at_front("\u732b\u732b\u732b", 3), "\u732b\u732b\u732b");
  EXPECT_EQ(shortened("abc", 1), "\u2026");
  EXPECT_EQ(shortened("abc", 0), "");
  EXPECT_EQ(text_width("a\u732b", 2), 4 * kCellWidth);
}

}  // namespace
}  // namespace lockstep
