#include "storage/base/printable.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Printable, WhatIsSeenStaysAsItIs) {
  for (const char* text : {"", "plain text, \"quotes\" and \\", "na\u00efve", "\u732b", "\U0001F436 dog", "\u00a0"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_TRUE(is_printable(text));
  }
}

TEST(Printable, WhatATerminalActsOnIsSpelledOut) {
  EXPECT_EQ(printable("a\x1b[31mred\a"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\nb\rc\td\x7f"), "a\\nb\\rc\\td\\x7f");
  EXPECT_EQ(printable("\u009b31m"), "\\u{9b}31m");
  EXPECT_EQ(printable("\u202etxt.exe"), "\\u{202e}txt.exe");
  EXPECT_EQ(printable("\u2028"), "\\u{2028}");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_FALSE(is_printable("a\nb"));
}

TEST(Printable, BytesThatAreNotUtf8AreSpelledOut) {
  EXPECT_EQ(printable("Z\xfcrich"), "Z\\xfcrich");                   // Latin-1
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // an overlong form
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(printable("\xe7\x8c"), "\\xe7\\x8c");                    // cut short
  EXPECT_FALSE(is_printable("\xff"));
}

TEST(Printable, LinesStayLines) {
  EXPECT_EQ(printable_lines("2 faults:\n\t\x1b[2J\r"), "2 faults:\n\t\\x1b[2J\\r");
}

TEST(Printable, JsonStaysJson) {
  EXPECT_EQ(printable_json("{\"a\": \"\u009b\x7f\xff\u732b\U000E0041\"}\n"),
            "{\"a\": \"\\u009b\\u007f\\ufffd\u732b\\udb40\\udc41\"}\n");
}

TEST(Printable, CharactersAndColumnsAreNotBytes) {
  EXPECT_EQ(characters("na\u00efve"), 5U);
  EXPECT_EQ(characters("\xff\u732b"), 2U);
  EXPECT_EQ(first_columns("\u732b\u732b\u732b", 5), "\u732b\u732b");
  EXPECT_EQ(first_columns("na\u00efve", 3), "na\u00ef");
  EXPECT_EQ(first_columns("ab", 6), "ab");
  for (const char* text : {"abc", "na\u00efve", "\u732b\u732b", "\U0001F436 dog"}) {
    EXPECT_EQ(columns(fmt::format("{:<12}|", text)), 13U) << text;
  }
}

}  // namespace
}  // namespace lockstep
