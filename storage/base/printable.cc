#include "storage/base/printable.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace lockstep {
namespace {

struct Range {
  char32_t first, last;
};

bool is_in(char32_t point, const Range* begin, const Range* end) {
  return std::any_of(begin, end, [&](const Range& it) { return point >= it.first && point <= it.last; });
}

// Characters beyond ASCII that a terminal acts on, or that hide or reorder others.
constexpr Range kUnseen[] = {{0x80, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200f},  {0x2028, 0x202e},
                             {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};
// Of two columns.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2329, 0x232a},  {0x2e80, 0x303e},   {0x3040, 0xa4cf},
                           {0xac00, 0xd7a3},   {0xf900, 0xfaff},  {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
                           {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff},
                           {0x20000, 0x2fffd}, {0x30000, 0x3fffd}};

struct Character {
  std::optional<char32_t> point;  // none: a byte that is not UTF-8
  std::size_t bytes = 1;
};

// The first of `text`. Requires: it is not empty.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return char32_t(static_cast<unsigned char>(text[i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t point = lead & (0x7f >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[bytes] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {point, bytes};
}

bool is_seen(char32_t point) {
  if (point < 0x80) return point >= 0x20 && point != 0x7f;
  return !is_in(point, std::begin(kUnseen), std::end(kUnseen));
}

std::size_t columns_of(const Character& character) {
  return is_in(character.point.value_or(0), std::begin(kWide), std::end(kWide)) ? 2 : 1;
}

// What stands for a character that is not seen.
std::string escape(const Character& character, char byte) {
  if (!character.point || (*character.point < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) {
    return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  switch (*character.point) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{{{:x}}}", std::uint32_t(*character.point));
  }
}

// Calls visit(character, its bytes) for each.
template <typename Visit>
void for_each(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const Character character = first_of(text);
    visit(character, text.substr(0, character.bytes));
    text.remove_prefix(character.bytes);
  }
}

std::string printable_but(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  for_each(text, [&](const Character& character, std::string_view bytes) {
    const bool stays = character.point && (is_seen(*character.point) || kept.find(bytes) != std::string_view::npos);
    stays ? out.append(bytes) : out.append(escape(character, bytes[0]));
  });
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  return printable_but(text, "");
}
std::string printable_lines(std::string_view text) {
  return printable_but(text, "\n\t");
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for_each(json, [&](const Character& character, std::string_view bytes) {
    // A raw control character is outside of strings: the line feeds between them.
    const char32_t point = character.point.value_or(0xfffd);
    if (character.point && (point < 0x20 || is_seen(point))) {
      out.append(bytes);
    } else if (point < 0x10000) {
      out += fmt::format("\\u{:04x}", std::uint32_t(point));
    } else {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((std::uint32_t(point) - 0x10000) >> 10),
                         0xdc00 + (std::uint32_t(point) & 0x3ff));
    }
  });
  return out;
}

bool is_printable(std::string_view text) {
  bool seen = true;
  for_each(text, [&](const Character& character, std::string_view) {
    seen = seen && character.point && is_seen(*character.point);
  });
  return seen;
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for_each(text, [&](const Character&, std::string_view) { ++count; });
  return count;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for_each(text, [&](const Character& character, std::string_view) { count += columns_of(character); });
  return count;
}

std::string first_columns(std::string_view text, std::size_t most) {
  std::string out;
  bool fits = true;
  for_each(text, [&](const Character& character, std::string_view bytes) {
    fits = fits && columns_of(character) <= most;
    if (!fits) return;
    most -= columns_of(character);
    out.append(bytes);
  });
  return out;
}

}  // namespace lockstep
