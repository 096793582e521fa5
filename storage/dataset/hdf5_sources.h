// Where the rows of a split came from, as its group says: sources/path, a string a row, and sources/line.
// Requires: the caller holds hdf5_lock().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/dataset/dataset.h"
#include "storage/dataset/hdf5_checks.h"

namespace lockstep {

class RowSources {
 public:
  // None known.
  RowSources() = default;
  // Those of a group of this name; none where it has no `sources`, or where there are faults. rows: of the images; 0:
  // that is not known.
  static RowSources open(hid_t group, std::string_view name, std::int64_t rows, DataFaults& faults);

  bool empty() const { return !path_; }
  // As Dataset::source. Reads this row alone. Errors: bad_data; io_error, without the path of the file.
  StatusOr<std::string> of(std::int64_t row) const;

 private:
  std::optional<StoredArray> path_, line_;
};

}  // namespace lockstep
