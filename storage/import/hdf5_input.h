// HDF5 files of others as an importer meets them: what arrays they have, and rows of an array, some at a time.
//
// In gets what storage/dataset/hdf5_checks lets in; besides it soft links that stay inside the file, and h5py's bool.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/dataset/hdf5_checks.h"

namespace lockstep {

// What an import finds wrong: with the files, or with how it was called.
struct ImportFaults {
  std::vector<std::string> data, usage;
  bool empty() const { return data.empty() && usage.empty(); }
  // OK, or a line a fault: bad_data when any is of the data, else bad_configuration.
  Status status() const;
};

// What there is at some path, fit or not.
struct ListedArray {
  std::string file;                 // as it was given
  std::string path;                 // "train/images"
  std::vector<std::uint64_t> dims;  // empty: one value, or not looked at
  std::string type;                 // "uint8", "string", "virtual dataset", "external link to other.h5"
  bool is_number = false, is_text = false;
  std::string dims_text() const;
};

struct Hdf5Array {
  std::string file, path;
  StoredArray stored;

  std::string where() const { return fmt::format("{}: {}", file, path); }
  std::int64_t rows() const { return std::int64_t(stored.dims[0]); }
  std::size_t row_values() const;
  bool is_text() const { return stored.type_class == H5T_STRING; }
  bool is_float() const { return stored.type_class == H5T_FLOAT; }
};

class Hdf5Input {
 public:
  // Errors: bad_data, io_error.
  static StatusOr<std::unique_ptr<Hdf5Input>> open(const std::filesystem::path& path);
  const std::string& path() const { return path_; }
  // By group, in the order of the file; at most 1,000.
  std::vector<ListedArray> list() const;
  bool has(const std::string& path) const;
  // nullopt when it is missing or refused, or has no rows; the faults then say why.
  std::optional<Hdf5Array> array(const std::string& path, ImportFaults& faults) const;

 private:
  Hdf5Input(std::string path, Hdf5File file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  Hdf5File file_;
};

// Rows [first, first + count), converted by libhdf5: what does not fit is the nearest that does.
// Requires: numbers, T is uint8_t, uint16_t, int64_t, float or double. Errors: bad_data, io_error (with `where`).
template <typename T>
Status read_values(const Hdf5Array& array, std::int64_t first, std::int64_t count, T* out);

// Calls `take` with pieces of some MiB, in order, until one is an error.
Status for_each_block(const Hdf5Array& array,
                      const std::function<Status(std::int64_t first, std::int64_t count)>& take);

}  // namespace lockstep
