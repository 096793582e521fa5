// Reads tables of text: CSV (RFC 4180) or with another delimiter, in UTF-8, with the names of its columns in the first
// line. Lines end with LF or CRLF; a quoted cell may hold both; a byte order mark is passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

struct TableRow {
  std::int64_t line = 0;  // on which it begins, from 1
  std::vector<std::string> cells;
};

struct Table {
  std::filesystem::path path;
  std::vector<std::string> columns;
  std::vector<TableRow> rows;  // each of as many cells as there are columns

  // A column by its name, or by its number from 1 where none has such a name. Errors: bad_data, with the names there
  // are; also where two have this one.
  StatusOr<std::size_t> column(std::string_view name) const;
  std::string place(const TableRow& row) const;  // "labels.csv:17"
};

// What a table may take: a cell is some 32 bytes of memory beside its text.
struct TableLimits {
  std::size_t bytes = std::size_t(4) << 30;
  std::size_t cells = std::size_t(1) << 27;
};

// `delimiter` 0: a tab where the first line has one, else a semicolon where it has that and no comma, else a comma.
// Empty lines are passed over. Errors: bad_data (missing, beyond the limits, no rows, rows of another number of cells,
// an open quote, what is no text in UTF-8 by its zero bytes; all faults).
StatusOr<Table> read_table(const std::filesystem::path& path, char delimiter = 0, const TableLimits& limits = {});

// Of a cell, where it is one that is finite as a float32.
std::optional<double> number_of(std::string_view cell);
// The names of classes, in order: sorted, by value where all are whole numbers.
std::vector<std::string> sorted_names(const std::set<std::string>& names);

}  // namespace lockstep
