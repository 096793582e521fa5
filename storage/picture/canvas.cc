#include "storage/picture/canvas.h"

#include <algorithm>
#include <array>

#include "storage/picture/font.h"
#include "storage/picture/text.h"

namespace lockstep {
namespace {

constexpr std::size_t kChannels = 3;

std::size_t place_of(const Image& image, int x, int y) {
  return std::size_t(y) * image.row_bytes() + std::size_t(x) * std::size_t(image.channels);
}

}  // namespace

Colour colour_of(std::size_t number) {
  constexpr Colour kColours[] = {{20, 20, 24},   {230, 57, 70},  {42, 157, 244}, {255, 183, 3},
                                 {46, 174, 96},  {155, 81, 224}, {255, 120, 30}, {0, 190, 190},
                                 {240, 98, 170}, {140, 100, 60}, {150, 200, 40}, {90, 100, 220}};
  Colour colour = kColours[number % std::size(kColours)];
  // Further rounds are paler.
  for (std::size_t round = number / std::size(kColours) % 3; round > 0; --round) {
    const auto paler = [](std::uint8_t value) { return static_cast<std::uint8_t>((2 * value + 255) / 3); };
    colour = {paler(colour.red), paler(colour.green), paler(colour.blue)};
  }
  return colour;
}

Canvas::Canvas(int width, int height, Colour background) : image_{height, width, int(kChannels), 8, {}} {
  CHECK(width >= 1 && height >= 1, "{} x {}", width, height);
  image_.pixels.resize(image_.row_bytes() * std::size_t(height));
  fill({0, 0, width, height}, background);
}

Colour Canvas::pixel(int x, int y) const {
  CHECK(x >= 0 && x < width() && y >= 0 && y < height(), "{}, {}", x, y);
  const std::byte* const at = image_.pixels.data() + place_of(image_, x, y);
  return {std::uint8_t(at[0]), std::uint8_t(at[1]), std::uint8_t(at[2])};
}

void Canvas::fill(const Rectangle& place, Colour colour) {
  const int left = std::max(place.x, 0), right = std::min(place.x + place.width, width());
  const int bottom = std::min(place.y + place.height, height());
  for (int y = std::max(place.y, 0); y < bottom; ++y) {
    std::byte* at = image_.pixels.data() + place_of(image_, left, y);
    for (int x = left; x < right; ++x) {
      *at++ = std::byte(colour.red);
      *at++ = std::byte(colour.green);
      *at++ = std::byte(colour.blue);
    }
  }
}

void Canvas::frame(const Rectangle& place, Colour colour) {
  fill({place.x - 1, place.y - 1, place.width + 2, 1}, colour);
  fill({place.x - 1, place.y + place.height, place.width + 2, 1}, colour);
  fill({place.x - 1, place.y, 1, place.height}, colour);
  fill({place.x + place.width, place.y, 1, place.height}, colour);
}

void Canvas::draw(const Image& picture, int x, int y, int scale) {
  CHECK(picture.bits == 8 && (picture.channels == 1 || picture.channels == 3) && scale >= 1, "{} bits, {} channels",
        picture.bits, picture.channels);
  for (int line = 0; line < picture.height; ++line) {
    for (int column = 0; column < picture.width; ++column) {
      const std::byte* const at = picture.pixels.data() + place_of(picture, column, line);
      std::array<std::uint8_t, kChannels> value{};
      for (std::size_t c = 0; c < kChannels; ++c) value[c] = std::uint8_t(at[picture.channels == 1 ? 0 : c]);
      fill({x + column * scale, y + line * scale, scale, scale}, {value[0], value[1], value[2]});
    }
  }
}

void Canvas::write(std::string_view text, int x, int y, Colour colour, int scale) {
  for (const char32_t character : drawn_characters(text)) {
    for (int line = 0; line < kCellHeight; ++line) {
      for (int column = 0; column < kCellWidth; ++column) {
        if (glyph_pixel(character, column, line)) fill({x + column * scale, y + line * scale, scale, scale}, colour);
      }
    }
    x += kCellWidth * scale;
  }
}

}  // namespace lockstep
