#include "storage/import/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "storage/base/file.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostBytes = std::size_t(4) << 30;
constexpr std::size_t kMostToldFaults = 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

char delimiter_of(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  if (first.find('\t') != std::string_view::npos) return '\t';
  return first.find(';') != std::string_view::npos && first.find(',') == std::string_view::npos ? ';' : ',';
}

class Parser {
 public:
  Parser(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  bool at_end() const { return at_ >= text_.size(); }

  // The next line of cells. False: a quote is open at the end.
  bool next(TableRow& row) {
    row = {line_, {}};
    for (;;) {
      std::string cell;
      if (!next_cell(cell)) return false;
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
  if (found != columns.end()) return std::size_t(found - columns.begin());
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

StatusOr<Table> read_table(const std::filesystem::path& path, char delimiter) {
  const StatusOr<std::string> bytes =
      read_file_headed(path, kMostBytes, 0, [](std::string_view, std::uint64_t) { return OkStatus(); });
  if (!bytes.ok()) return bad_data(std::string(bytes.status().message()));
  std::string_view text = *bytes;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Table table{path, {}, {}};
  Parser parser(text, delimiter == 0 ? delimiter_of(text) : delimiter);
  std::vector<std::string> faults;
  std::size_t more = 0;
  const auto fault = [&](const TableRow& row, std::string_view words) {
    if (faults.size() < kMostToldFaults)
      faults.push_back(fmt::format("{}: {}", table.place(row), words));
    else
      ++more;
  };
  for (TableRow row; !parser.at_end();) {
    if (!parser.next(row)) {
      fault(row, "a quote is open from here to the end of the file");
      break;
    }
    if (is_empty(row)) continue;
    if (table.columns.empty()) {
      table.columns = row.cells;
    } else if (row.cells.size() != table.columns.size()) {
      fault(row,
            fmt::format("expected {} cells, as in the first line, got {}", table.columns.size(), row.cells.size()));
    } else {
      table.rows.push_back(std::move(row));
    }
  }
  if (faults.empty() && table.rows.empty()) {
    faults.push_back(
        fmt::format("{}: expected the names of columns in the first line and at least one row", path.native()));
  }
  if (more > 0) faults.push_back(fmt::format("and {} more", more));
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  return table;
}

}  // namespace lockstep
