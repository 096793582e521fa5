// A font of fixed width, as data: printable ASCII and the ellipsis; a box stands for all other characters.
#pragma once

namespace lockstep {

inline constexpr int kCellWidth = 6, kCellHeight = 12;  // of one character, with the space around it
inline constexpr char32_t kEllipsis = 0x2026;

// Whether this pixel of the character's cell is ink. Requires: 0 <= x < kCellWidth, 0 <= y < kCellHeight.
bool glyph_pixel(char32_t character, int x, int y);

}  // namespace lockstep
