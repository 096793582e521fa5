#include "storage/picture/text.h"

#include "storage/base/printable.h"
#include "storage/picture/font.h"

namespace lockstep {
namespace {

constexpr std::string_view kEllipsisText = "\u2026";

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

// Where the characters of printable text begin, and its end.
std::vector<std::size_t> starts_of(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i])) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

}  // namespace

std::vector<char32_t> drawn_characters(std::string_view text) {
  const std::string seen = printable(text);
  const std::vector<std::size_t> starts = starts_of(seen);
  std::vector<char32_t> drawn;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const std::string_view bytes = std::string_view(seen).substr(starts[i], starts[i + 1] - starts[i]);
    const char32_t other = bytes == kEllipsisText ? kEllipsis : 0xfffd;
    drawn.push_back(bytes.size() == 1 ? char32_t(static_cast<unsigned char>(bytes[0])) : other);
  }
  return drawn;
}

int text_width(std::string_view text, int scale) {
  return int(drawn_characters(text).size()) * kCellWidth * scale;
}

std::string shortened(std::string_view text, std::size_t most) {
  std::string seen = printable(text);
  const std::vector<std::size_t> starts = starts_of(seen);
  if (starts.size() - 1 <= most) return seen;
  if (most == 0) return "";
  return seen.substr(0, starts[most - 1]).append(kEllipsisText);
}

std::string shortened_at_front(std::string_view text, std::size_t most) {
  std::string seen = printable(text);
  const std::vector<std::size_t> starts = starts_of(seen);
  if (starts.size() - 1 <= most) return seen;
  if (most == 0) return "";
  return std::string(kEllipsisText) + seen.substr(starts[starts.size() - most]);
}

}  // namespace lockstep
