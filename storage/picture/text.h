// Text of one line, as it is drawn: a cell a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// Its characters, made printable first; a byte that is not UTF-8 comes out as \xNN.
std::vector<char32_t> drawn_characters(std::string_view text);
// So many pixels wide, every pixel of the font being `scale` wide.
int text_width(std::string_view text, int scale = 1);

// At most so many characters: of a longer one the beginning, or its end, and an ellipsis.
std::string shortened(std::string_view text, std::size_t most);
std::string shortened_at_front(std::string_view text, std::size_t most);

}  // namespace lockstep
