// Pixels to draw on: red, green and blue, a byte each. What lies outside is not drawn.
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/image/image.h"

namespace lockstep {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};
inline constexpr Colour kWhite = {255, 255, 255}, kInk = {32, 33, 36}, kGrey = {120, 124, 130}, kHair = {218, 220, 224};
// Colours that are told apart, the same for the same number: of classes. 0 is nearly black.
Colour colour_of(std::size_t number);

struct Rectangle {
  int x = 0, y = 0;  // its left upper corner
  int width = 0, height = 0;
  bool operator==(const Rectangle&) const = default;
};

class Canvas {
 public:
  // Requires: both at least 1.
  Canvas(int width, int height, Colour background = kWhite);

  const Image& image() const { return image_; }
  int width() const { return image_.width; }
  int height() const { return image_.height; }
  // Requires: a place inside.
  Colour pixel(int x, int y) const;

  void fill(const Rectangle& place, Colour colour);
  // A line of one pixel around the place, outside of it.
  void frame(const Rectangle& place, Colour colour);
  // Each pixel of the picture becomes `scale` x `scale`. Requires: 8 bits, 1 or 3 channels; scale at least 1.
  void draw(const Image& picture, int x, int y, int scale = 1);
  // From its left upper corner; the font's pixels become `scale` x `scale`.
  void write(std::string_view text, int x, int y, Colour colour = kInk, int scale = 1);

 private:
  Image image_;
};

}  // namespace lockstep
