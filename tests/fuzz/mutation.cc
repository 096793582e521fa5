#include "tests/fuzz/mutation.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace lockstep {
namespace {

using std::string_view_literals::operator""sv;

// Where arithmetic goes wrong.
constexpr std::uint64_t kNumbers[] = {0,       1,          2,          3,          7,          8,          16,
                                      127,     128,        255,        256,        1000,       32767,      32768,
                                      65535,   65536,      0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, 0x100000000,
                                      1 << 20, 1ULL << 62, 1ULL << 63, ~0ULL};
constexpr std::string_view kWords[] = {
    "\""sv,       "\n"sv,       "\r\n"sv,         ","sv,          ";"sv,           "\t"sv,       "\0"sv,
    "-1"sv,       "1e99"sv,     "nan"sv,          "#"sv,          "'"sv,           "("sv,        ")"sv,
    ": "sv,       "\xff\xfe"sv, "\xef\xbb\xbf"sv, "PK\x05\x06"sv, "PK\x01\x02"sv,  "\xff\xd8"sv, "\xff\xd9"sv,
    "\xff\xda"sv, "IDAT"sv,     "tRNS"sv,         "ENDHDR"sv,     "\x1f\x8b\x08"sv};

std::size_t below(Philox& random, std::size_t bound) {
  return bound == 0 ? 0 : random.below(std::uint32_t(bound));
}

// A part of a text: often a short one.
struct Range {
  std::size_t begin, length;
};
Range range_of(std::size_t size, Philox& random) {
  const std::size_t begin = below(random, size);
  const std::size_t most = size - begin;
  return {begin, std::min(most, 1 + below(random, random.below(4) == 0 ? most : 16))};
}

void change_bytes(std::string& text, Philox& random) {
  if (text.empty()) return;
  char& byte = text[below(random, text.size())];
  switch (random.below(3)) {
    case 0:
      byte = char(byte ^ (1 << random.below(8)));
      break;
    case 1:
      byte = char(random.below(256));
      break;
    default:
      byte = char(byte + int(random.below(33)) - 16);
  }
}

// A number of 1, 2, 4 or 8 bytes, in either order.
void put_number(std::string& text, Philox& random) {
  const std::size_t width = std::size_t{1} << random.below(4);
  if (text.size() < width) return;
  const std::size_t at = below(random, text.size() - width + 1);
  const std::uint64_t value = kNumbers[random.below(std::size(kNumbers))] + random.below(3) - 1;
  const bool little = random.below(2) == 0;
  for (std::size_t i = 0; i < width; ++i) {
    text[at + i] = char(std::uint8_t(value >> (8 * (little ? i : width - 1 - i))));
  }
}

// In place of digits, where there are some.
void put_decimal(std::string& text, Philox& random) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto from = text.begin() + std::ptrdiff_t(below(random, text.size()));
  const auto begin = std::find_if(from, text.end(), digit), end = std::find_if_not(begin, text.end(), digit);
  if (begin == end) return;
  text.replace(begin, end, std::to_string(kNumbers[random.below(std::size(kNumbers))]));
}

void cut_out(std::string& text, Philox& random) {
  const Range range = range_of(text.size(), random);
  text.erase(range.begin, range.length);
}

void cut_short(std::string& text, Philox& random) {
  text.resize(text.size() - range_of(text.size(), random).length * (text.empty() ? 0 : 1));
}

void insert(std::string& text, std::string_view part, Philox& random) {
  text.insert(below(random, text.size() + 1), part);
}

void insert_word(std::string& text, Philox& random) {
  insert(text, kWords[random.below(std::size(kWords))], random);
}

void put_part_of(const std::string& other, std::string& text, Philox& random) {
  const Range range = range_of(other.size(), random);
  const std::string part = other.substr(range.begin, range.length);
  if (random.below(2) == 0) {
    insert(text, part, random);
  } else {
    const std::size_t at = below(random, text.size() + 1);
    text.replace(at, part.size(), part);
  }
}

void repeat(std::string& text, Philox& random) {
  const Range range = range_of(text.size(), random);
  const std::string part = text.substr(range.begin, range.length);
  for (std::uint32_t i = 1 + random.below(random.below(8) == 0 ? 64 : 3); i > 0; --i) text.insert(range.begin, part);
}

}  // namespace

std::string mutated(std::string input, const std::string& other, std::size_t most_bytes, Philox& random) {
  for (std::uint32_t changes = 1 + random.below(random.below(2) == 0 ? 2 : 8); changes > 0; --changes) {
    switch (random.below(12)) {
      case 0:
        cut_out(input, random);
        break;
      case 1:
        cut_short(input, random);
        break;
      case 2:
        insert_word(input, random);
        break;
      case 3:
        put_part_of(other, input, random);
        break;
      case 4:
        put_part_of(std::string(input), input, random);
        break;
      case 5:
        repeat(input, random);
        break;
      case 6:
        put_decimal(input, random);
        break;
      case 7:
      case 8:
        put_number(input, random);
        break;
      default:
        change_bytes(input, random);
    }
    if (input.size() > most_bytes) input.resize(most_bytes);
  }
  return input;
}

}  // namespace lockstep
