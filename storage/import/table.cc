#include "storage/import/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "storage/base/file.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostToldFaults = 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf", kWideMark = "\xff\xfe", kOtherWideMark = "\xfe\xff";

char delimiter_of(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  if (first.find('\t') != std::string_view::npos) return '\t';
  return first.find(';') != std::string_view::npos && first.find(',') == std::string_view::npos ? ';' : ',';
}

class Parser {
 public:
  Parser(std::string_view text, char delimiter, std::size_t most_cells)
      : text_(text), delimiter_(delimiter), cells_left_(most_cells) {}

  bool at_end() const { return at_ >= text_.size(); }
  bool is_full() const { return cells_left_ == 0; }

  // The next line of cells. False: a quote is open at the end, or is_full().
  bool next(TableRow& row) {
    row = {line_, {}};
    for (;;) {
      std::string cell;
      if (is_full() || !next_cell(cell)) return false;
      --cells_left_;
      row.cells.push_back(std::move(cell));
      if (at_end() || text_[at_] != delimiter_) break;
      ++at_;
      if (at_end()) {
        row.cells.emplace_back();
        break;
      }
    }
    if (!at_end()) ++at_;  // the end of the line
    ++line_;
    return true;
  }

 private:
  // Up to a delimiter or the end of the line.
  bool next_cell(std::string& cell) {
    if (!at_end() && text_[at_] == '"') {
      if (!quoted(cell)) return false;
    }
    const std::size_t end = std::min(text_.find_first_of(std::string{delimiter_, '\n'}, at_), text_.size());
    cell += text_.substr(at_, end - at_);
    at_ = end;
    if ((at_end() || text_[at_] == '\n') && cell.ends_with('\r')) cell.pop_back();
    return true;
  }

  bool quoted(std::string& cell) {
    for (++at_;; ++at_) {
      const std::size_t end = text_.find('"', at_);
      if (end == std::string_view::npos) return false;
      cell += text_.substr(at_, end - at_);
      line_ += std::ranges::count(text_.substr(at_, end - at_), '\n');
      at_ = end + 1;
      if (at_end() || text_[at_] != '"') return true;
      cell += '"';
    }
  }

  std::string_view text_;
  char delimiter_;
  std::size_t cells_left_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

bool is_empty(const TableRow& row) {
  return row.cells.size() == 1 && row.cells[0].empty();
}

}  // namespace

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(float(value))) return std::nullopt;
  return value;
}

std::vector<std::string> sorted_names(const std::set<std::string>& names) {
  std::vector<std::string> sorted(names.begin(), names.end());
  const auto value = [](const std::string& name) { return number_of(name).value_or(0.5); };
  if (std::ranges::all_of(sorted, [&](const std::string& name) { return value(name) == std::floor(value(name)); })) {
    std::ranges::stable_sort(sorted, {}, value);
  }
  return sorted;
}

StatusOr<std::size_t> Table::column(std::string_view name) const {
  const auto found = std::ranges::find(columns, name);
  if (found != columns.end()) {
    if (std::ranges::count(columns, name) > 1) {
      return bad_data(
          fmt::format("{}: has more than one column \"{}\": expected one; name them apart", path.native(), name));
    }
    return std::size_t(found - columns.begin());
  }
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size() && number >= 1 && number <= columns.size()) {
    return number - 1;
  }
  return bad_data(fmt::format("{}: has no column \"{}\": expected one of \"{}\", or a number from 1 to {}",
                              path.native(), name, fmt::join(columns, "\", \""), columns.size()));
}

std::string Table::place(const TableRow& row) const {
  return fmt::format("{}:{}", path.native(), row.line);
}

namespace {

// Faults of rows, of which the first ones are told.
class RowFaults {
 public:
  void add(const Table& table, const TableRow& row, std::string_view words) {
    if (++count_ <= kMostToldFaults) told_.push_back(fmt::format("{}: {}", table.place(row), words));
  }
  bool empty() const { return count_ == 0; }
  Status status() {
    if (count_ > kMostToldFaults) told_.push_back(fmt::format("and {} more", count_ - kMostToldFaults));
    return bad_data(fmt::format("{}", fmt::join(told_, "\n")));
  }

 private:
  std::vector<std::string> told_;
  std::size_t count_ = 0;
};

// Puts the row where it belongs; a fault when it fits nowhere.
void take_row(TableRow row, Table& table, RowFaults& faults) {
  if (is_empty(row)) return;
  if (std::ranges::any_of(row.cells, [](const std::string& it) { return it.find('\0') != std::string::npos; })) {
    faults.add(table, row, "has a zero byte: expected text in UTF-8");
  } else if (table.columns.empty()) {
    table.columns = std::move(row.cells);
  } else if (row.cells.size() != table.columns.size()) {
    faults.add(table, row,
               fmt::format("expected {} cells, as in the first line, got {}", table.columns.size(), row.cells.size()));
  } else {
    table.rows.push_back(std::move(row));
  }
}

}  // namespace

StatusOr<Table> read_table(const std::filesystem::path& path, char delimiter, const TableLimits& limits) {
  const StatusOr<std::string> bytes =
      read_file_headed(path, limits.bytes, 0, [](std::string_view, std::uint64_t) { return OkStatus(); });
  if (!bytes.ok()) return bad_data(std::string(bytes.status().message()));
  std::string_view text = *bytes;
  if (text.starts_with(kWideMark) || text.starts_with(kOtherWideMark)) {
    return bad_data(fmt::format("{}: is text in UTF-16: expected UTF-8; save it as CSV UTF-8", path.native()));
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Table table{path, {}, {}};
  Parser parser(text, delimiter == 0 ? delimiter_of(text) : delimiter, limits.cells);
  RowFaults faults;
  for (TableRow row; !parser.at_end();) {
    if (!parser.next(row)) {
      faults.add(table, row,
                 parser.is_full() ? fmt::format("expected at most {} cells in all; cut the table", limits.cells)
                                  : "a quote is open from here to the end of the file");
      break;
    }
    take_row(std::move(row), table, faults);
  }
  if (!faults.empty()) return faults.status();
  if (table.rows.empty()) {
    return bad_data(
        fmt::format("{}: expected the names of columns in the first line and at least one row", path.native()));
  }
  return table;
}

}  // namespace lockstep
