#include "storage/import/import_list.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "storage/import/table.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostToldFaults = 20;

// Faults of cells, of which the first ones are told.
class Faults {
 public:
  explicit Faults(const Table& table) : table_(table) {}
  void add(std::string fault) { faults_.push_back(std::move(fault)); }
  void add(const TableRow& row, std::string_view words) {
    ++cells_;
    if (cells_ <= kMostToldFaults) add(fmt::format("{}: {}", table_.place(row), words));
  }
  Status status() {
    if (cells_ > kMostToldFaults) add(fmt::format("and {} more", cells_ - kMostToldFaults));
    return faults_.empty() ? OkStatus() : bad_data(fmt::format("{}", fmt::join(faults_, "\n")));
  }

 private:
  const Table& table_;
  std::vector<std::string> faults_;
  std::size_t cells_ = 0;
};

// The columns of these names; those that are not there are faults.
std::vector<std::size_t> columns_of(const Table& table, const std::vector<std::string>& names, Faults& faults) {
  std::vector<std::size_t> columns;
  for (const std::string& name : names) {
    const StatusOr<std::size_t> column = table.column(name);
    if (column.ok())
      columns.push_back(*column);
    else
      faults.add(std::string(column.status().message()));
  }
  return columns;
}

std::optional<std::size_t> column_of(const Table& table, const std::string& name, Faults& faults) {
  if (name.empty()) return std::nullopt;
  const auto columns = columns_of(table, {name}, faults);
  return columns.empty() ? std::nullopt : std::optional(columns[0]);
}

std::vector<std::string> parts_of(const std::string& cell) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= cell.size();) {
    const std::size_t end = std::min(cell.find(';', begin), cell.size());
    if (end > begin) parts.push_back(cell.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// What the rows are to be: a target, and values for each row.
struct Answers {
  Target target;
  std::vector<std::vector<float>> rows;
  std::optional<std::size_t> masks = {};  // the column of their files, which are read with the pictures
};

// Names in cells: one each, or several.
Answers named(const Table& table, std::size_t column, bool several, Faults& faults) {
  std::set<std::string> found;
  std::vector<std::vector<std::string>> of_rows;
  for (const TableRow& row : table.rows) {
    of_rows.push_back(several ? parts_of(row.cells[column]) : std::vector{row.cells[column]});
    if (!several && row.cells[column].empty()) faults.add(row, "the label is empty: expected the name of a class");
    found.insert(of_rows.back().begin(), of_rows.back().end());
  }
  if (found.empty()) faults.add(fmt::format("{}: no row has a label", table.path.native()));
  Answers answers;
  answers.target.kind = several ? TargetKind::kLabels : TargetKind::kClass;
  answers.target.names = sorted_names(found);
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < answers.target.names.size(); ++i) index[answers.target.names[i]] = i;
  for (const auto& names : of_rows) {
    std::vector<float> values(several ? index.size() : 1);
    for (const std::string& name : names) {
      if (several)
        values[index[name]] = 1;
      else
        values[0] = float(index[name]);
    }
    answers.rows.push_back(std::move(values));
  }
  return answers;
}

// Numbers in cells, a column each.
Answers numbered(const Table& table, const std::vector<std::size_t>& columns, TargetKind kind, Faults& faults) {
  Answers answers;
  answers.target.kind = kind;
  for (const std::size_t column : columns) answers.target.names.push_back(table.columns[column]);
  for (const TableRow& row : table.rows) {
    std::vector<float> values;
    for (const std::size_t column : columns) {
      const std::optional<double> value = number_of(row.cells[column]);
      const bool good = value && (kind == TargetKind::kNumbers || *value == 0 || *value == 1);
      if (!good) {
        faults.add(row, fmt::format("column \"{}\" is \"{}\": expected {}", table.columns[column], row.cells[column],
                                    kind == TargetKind::kNumbers ? "a finite number" : "0 or 1"));
      }
      values.push_back(float(value.value_or(0)));
    }
    answers.rows.push_back(std::move(values));
  }
  return answers;
}

Answers masked(const ListImport& import, const Table& table, std::size_t column, Faults& faults) {
  for (const TableRow& row : table.rows) {
    if (row.cells[column].empty()) faults.add(row, "the mask is empty: expected the path of a file");
  }
  return {{.kind = TargetKind::kMask, .names = import.pictures.masks.names},
          std::vector<std::vector<float>>(table.rows.size()),
          column};
}

Answers answers_of(const ListImport& import, const Table& table, Faults& faults) {
  if (const auto column = column_of(table, import.mask, faults)) return masked(import, table, *column, faults);
  if (const auto column = column_of(table, import.label, faults)) return named(table, *column, false, faults);
  if (import.labels.size() == 1) {
    const auto column = column_of(table, import.labels[0], faults);
    return column ? named(table, *column, true, faults) : Answers();
  }
  const bool is_labels = !import.labels.empty();
  const auto columns = columns_of(table, is_labels ? import.labels : import.numbers, faults);
  Answers answers = numbered(table, columns, is_labels ? TargetKind::kLabels : TargetKind::kNumbers, faults);
  answers.target.units = import.units;
  return answers;
}

// 0 to 2, as draw_splits; faults where a cell names none.
std::vector<int> told_splits(const Table& table, std::size_t column, Faults& faults) {
  static const std::map<std::string_view, int> kNames = {{"train", 0}, {"training", 0}, {"validation", 1},
                                                         {"val", 1},   {"valid", 1},    {"dev", 1},
                                                         {"test", 2},  {"testing", 2}};
  std::vector<int> splits;
  for (const TableRow& row : table.rows) {
    const auto found = kNames.find(row.cells[column]);
    if (found == kNames.end()) {
      faults.add(row, fmt::format("the split is \"{}\": expected train, validation or test", row.cells[column]));
    }
    splits.push_back(found == kNames.end() ? 0 : found->second);
  }
  return splits;
}

std::vector<Named> names_of(const Table& table, std::size_t path, std::optional<std::size_t> group,
                            const Answers& answers) {
  std::vector<Named> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& cells = table.rows[i].cells;
    const bool is_class = answers.target.kind == TargetKind::kClass;
    rows.push_back({cells[path], is_class ? answers.target.names[std::size_t(answers.rows[i][0])] : "",
                    group ? cells[*group] : ""});
  }
  return rows;
}

void tell_repeats(const Table& table, std::size_t path, ImportSummary& summary) {
  std::map<std::string_view, const TableRow*> first;
  std::string example;
  int repeats = 0;
  for (const TableRow& row : table.rows) {
    const auto [at, is_new] = first.try_emplace(row.cells[path], &row);
    if (!is_new && repeats++ == 0) {
      example = fmt::format("{} on lines {} and {}", row.cells[path], at->second->line, row.line);
    }
  }
  if (repeats > 0) {
    summary.warnings.push_back(
        fmt::format("{}: {} rows name a picture that an earlier one names: {}", table.path.native(), repeats, example));
  }
}

}  // namespace

StatusOr<ImportSummary> import_list(const ListImport& import, const fs::path& path) {
  ASSIGN_OR_RETURN(const Table table, read_table(import.table, import.delimiter));
  Faults faults(table);
  const auto path_column = column_of(table, import.path, faults);
  const auto group_column = column_of(table, import.group, faults);
  const auto split_column = column_of(table, import.split, faults);
  const Answers answers = answers_of(import, table, faults);
  std::vector<int> splits;
  if (split_column) splits = told_splits(table, *split_column, faults);
  RETURN_IF_ERROR(faults.status());

  ImportSummary summary;
  tell_repeats(table, *path_column, summary);
  const std::vector<Named> names = names_of(table, *path_column, group_column, answers);
  if (!split_column) splits = draw_splits(names, import.shares, import.key);
  const fs::path root = import.root.empty() ? import.table.parent_path() : import.root;
  std::vector<Picture> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const TableRow& row = table.rows[i];
    rows.emplace_back(Picture{root / row.cells[*path_column], RowSource{import.table.filename().native(), row.line},
                              answers.rows[i], answers.masks ? root / row.cells[*answers.masks] : fs::path()});
  }
  ASSIGN_OR_RETURN(const auto found, find_pictures(std::move(rows), answers.target, import.pictures));
  ASSIGN_OR_RETURN(const std::vector<FoundSplit> found_splits, in_drawn_order(names, splits, import.key));
  ASSIGN_OR_RETURN(summary.left_out, write_found(*found, found_splits, import.options, path));
  found->tell_duplicates(splits, summary);
  return summary;
}

}  // namespace lockstep
