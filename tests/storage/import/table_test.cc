#include "storage/import/table.h"

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/import/idx_file_maker.h"

namespace lockstep {
namespace {

using Cells = std::vector<std::string>;
using std::string_view_literals::operator""sv;

class TableTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "table.csv"; }
  StatusOr<Table> read(std::string_view bytes, char delimiter = 0, const TableLimits& limits = {}) const {
    write_plain(path(), std::string(bytes));
    return read_table(path(), delimiter, limits);
  }
  void expect_bad(std::string_view bytes, const std::string& words, const TableLimits& limits = {}) const {
    const Status status = read(bytes, 0, limits).status();
    EXPECT_EQ(exit_code(status), 3) << status;
    EXPECT_NE(status.message().find("table.csv"), std::string::npos) << status;
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
  }
  TemporaryDirectory directory_;
};

TEST_F(TableTest, CellsAndTheLinesOnWhichRowsBegin) {
  const auto table = read(
      "\xef\xbb\xbf"
      "a,\"b \"\"c\"\"\"\r\n1,\"x\r\ny,z\"\r\n\n,\n\"\",3");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->columns, (Cells{"a", "b \"c\""}));
  ASSERT_EQ(table->rows.size(), 3U);
  EXPECT_EQ(table->rows[0].cells, (Cells{"1", "x\r\ny,z"}));
  EXPECT_EQ(table->rows[1].cells, (Cells{"", ""}));
  EXPECT_EQ(table->rows[2].cells, (Cells{"", "3"}));
  EXPECT_EQ(table->rows[0].line, 2);
  EXPECT_EQ(table->rows[1].line, 5);
  EXPECT_EQ(table->place(table->rows[2]), path().native() + ":6");
}

TEST_F(TableTest, RecognisesTheDelimiter) {
  for (const auto& [text, delimiter] : {std::pair("a\tb,c\n1\t2", 0),
                                        {"a;b\n1;2", 0},
                                        {"a,b\n1,2", 0},
                                        {"a;b,c\n1;2", int(';')},
                                        {"a|b\n1|2", int('|')}}) {
    const auto table = read(text, char(delimiter));
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->rows[0].cells, (Cells{"1", "2"})) << text;
  }
  EXPECT_EQ(read("a;b,c\n1;2,3")->columns, (Cells{"a;b", "c"})) << "where both are there it is a comma";
}

TEST_F(TableTest, ColumnsByNameOrNumber) {
  const Table table = *read("a,2,b,b\n1,2,3,4");
  EXPECT_EQ(*table.column("a"), 0U);
  EXPECT_EQ(*table.column("2"), 1U) << "a name goes before a number";
  EXPECT_EQ(*table.column("3"), 2U);
  EXPECT_EQ(*table.column("4"), 3U);
  for (const char* name : {"0", "5", "c", "", "-1", "1.0", "99999999999999999999"}) {
    const Status status = table.column(name).status();
    EXPECT_NE(status.message().find("expected one of \"a\", \"2\", \"b\", \"b\", or a number from 1 to 4"),
              std::string::npos)
        << status;
  }
  EXPECT_NE(table.column("b").status().message().find("has more than one column \"b\""), std::string::npos);
}

TEST_F(TableTest, TellsAllFaults) {
  expect_bad("a,b\n1\n1,2,3\n1,2\n", "table.csv:2: expected 2 cells, as in the first line, got 1");
  expect_bad("a,b\n1\n1,2,3\n1,2\n", "table.csv:3: expected 2 cells, as in the first line, got 3");
  expect_bad("a,b\n1\n1,\"2\n\n", "table.csv:3: a quote is open from here to the end of the file");
  expect_bad("a,b\n1\n1,\"2\n\n", "table.csv:2: expected 2 cells");
  std::string many = "a,b\n";
  for (int i = 0; i < 25; ++i) many += "1\n";
  expect_bad(many, "\nand 5 more");
  for (const char* text : {"", "\n\n", "a,b", "a,b\n\n"}) expect_bad(text, "and at least one row");
  expect_bad("a,b\n1,\0\n"sv, "table.csv:2: has a zero byte: expected text in UTF-8");
  expect_bad(
      "\xff\xfe"
      "a\0,\0"sv,
      "is text in UTF-16: expected UTF-8");
  EXPECT_EQ(exit_code(read_table(directory_ / "none.csv").status()), 3);
  EXPECT_EQ(exit_code(read_table(directory_.path()).status()), 3);
}

TEST_F(TableTest, HasLimits) {
  expect_bad("a,b\n1,2\n3,4\n", "table.csv:3: expected at most 5 cells in all; cut the table", {.cells = 5});
  EXPECT_TRUE(read("a,b\n1,2\n3,4\n", 0, {.bytes = 12, .cells = 6}).ok());
  expect_bad("a,b\n1,2\n3,4\n", "", {.bytes = 11});
  expect_bad(std::string(1000, ','), "table.csv:1: expected at most 9 cells", {.cells = 9});
}

TEST(Numbers, AreFiniteAsFloat32) {
  EXPECT_EQ(number_of("-1.5e3"), -1500.0);
  for (const char* text : {"", " 1", "1 ", "nan", "inf", "1e39", "0x10", "1,5", "one"}) {
    EXPECT_EQ(number_of(text), std::nullopt) << text;
  }
}

TEST(Names, AreSortedByValueWhereAllAreWhole) {
  EXPECT_EQ(sorted_names({"10", "9", "-1"}), (Cells{"-1", "9", "10"}));
  EXPECT_EQ(sorted_names({"10", "9", "b"}), (Cells{"10", "9", "b"}));
  EXPECT_EQ(sorted_names({"10", "9.5"}), (Cells{"10", "9.5"}));
}

}  // namespace
}  // namespace lockstep
