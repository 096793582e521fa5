#include "storage/dataset/hdf5_sources.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

constexpr std::int64_t kBlockLines = 65536;

// One of each row.
std::optional<StoredArray> open_column(hid_t group, const std::string& name, const std::string& where,
                                       std::int64_t rows, Elements elements, DataFaults& faults) {
  std::optional<StoredArray> column = open_array(group, name, where, faults, elements);
  if (!column) return column;
  const bool fits = rows == 0 || column->dims[0] == std::uint64_t(rows);
  if (column->dims.size() == 1 && fits && column->dims[0] >= 1) return column;
  faults.add(where, fmt::format("has the shape {}: expected one a row, ({})", column->dims_text(),
                                rows == 0 ? "rows" : std::to_string(rows)));
  return std::nullopt;
}

void check_lines(const StoredArray& lines, std::string_view where, DataFaults& faults) {
  if (lines.type_class != H5T_INTEGER) {
    return faults.add(where, fmt::format("has elements of type {}: expected integers", lines.type_name));
  }
  const auto rows = std::int64_t(lines.dims[0]);
  std::vector<std::int64_t> block(std::size_t(std::min(rows, kBlockLines)), 0);
  for (std::int64_t first = 0; first < rows; first += kBlockLines) {
    const std::int64_t count = std::min(kBlockLines, rows - first);
    const Status status = read_rows(lines, H5T_NATIVE_INT64, first, count, block.data());
    if (!status.ok()) return faults.add(where, std::string(status.message()));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t line = block[std::size_t(i)];
      if (line >= 1) continue;
      return faults.add(where, fmt::format("has the line {} at row {}: expected lines from 1", line, first + i));
    }
  }
}

// Of fixed length: until the first zero, or without the spaces that fill it.
StatusOr<std::string> read_fixed(const StoredArray& strings, const Hdf5Type& type, std::int64_t row) {
  std::string value(strings.element_bytes, '\0');
  RETURN_IF_ERROR(read_rows(strings, type.get(), row, 1, value.data()));
  value.resize(std::strlen(value.c_str()));
  const bool spaces = H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD;
  while (spaces && !value.empty() && value.back() == ' ') value.pop_back();
  return value;
}

StatusOr<std::string> read_variable(const StoredArray& strings, const Hdf5Type& type, std::int64_t row) {
  const Hdf5Type in_memory = string_type(H5T_VARIABLE, H5Tget_cset(type.get()));
  char* pointer = nullptr;
  const Status status = read_rows(strings, in_memory.get(), row, 1, &pointer);
  std::string value;
  if (pointer != nullptr) value.assign(pointer, strnlen(pointer, kStringLimitBytes + 1));
  H5free_memory(pointer);
  RETURN_IF_ERROR(status);
  if (value.size() <= kStringLimitBytes) return value;
  return bad_data(fmt::format("row {} has a string of over {} bytes", row, kStringLimitBytes));
}

StatusOr<std::string> read_string(const StoredArray& strings, std::int64_t row) {
  const Hdf5Type type(H5Dget_type(strings.id.get()));
  return H5Tis_variable_str(type.get()) > 0 ? read_variable(strings, type, row) : read_fixed(strings, type, row);
}

}  // namespace

RowSources RowSources::open(hid_t group, std::string_view name, std::int64_t rows, DataFaults& faults) {
  if (H5Lexists(group, "sources", H5P_DEFAULT) == 0) return {};
  const std::string where = fmt::format("{}/sources", name);
  const std::size_t faults_before = faults.count();
  const StatusOr<Hdf5Group> inner = open_group(group, "sources");
  if (!inner.ok()) {
    faults.add(where, fmt::format("cannot be opened: {}", std::string(inner.status().message())));
    return {};
  }
  RowSources sources;
  sources.path_ = open_column(inner->get(), "path", where + "/path", rows, Elements::kStrings, faults);
  if (H5Lexists(inner->get(), "line", H5P_DEFAULT) != 0) {
    sources.line_ = open_column(inner->get(), "line", where + "/line", rows, Elements::kNumbers, faults);
  }
  if (sources.line_) check_lines(*sources.line_, where + "/line", faults);
  return faults.count() > faults_before ? RowSources() : std::move(sources);
}

StatusOr<std::string> RowSources::of(std::int64_t row) const {
  if (empty() || row < 0 || std::uint64_t(row) >= path_->dims[0]) return std::string();
  RowSource source;
  ASSIGN_OR_RETURN(source.path, read_string(*path_, row));
  if (line_) RETURN_IF_ERROR(read_rows(*line_, H5T_NATIVE_INT64, row, 1, &source.line));
  return source.text();
}

}  // namespace lockstep
