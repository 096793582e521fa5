// The door for files that others made: libhdf5 is not safe on hostile files, so only a plain subset of HDF5 gets in.
// Refused: soft and external links, external storage, virtual datasets, filters other than deflate, shuffle and
// fletcher32, more than 4 dimensions, chunks of over 1 GiB, chunks that were never written, sizes that the stored bytes
// cannot hold, references and any other type that is not an integer or a float, or, where they are asked for, a string
// or an enumeration.
// Requires: the caller holds hdf5_lock().
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/hdf5.h"
#include "storage/base/status.h"

namespace lockstep {

// The faults of one file, so that all are reported at once.
class DataFaults {
 public:
  // `where` names the group, dataset or attribute: "train/images".
  void add(std::string_view where, std::string_view message);
  std::size_t count() const { return faults_.size(); }
  // OK, or one bad_data with the path and a line a fault.
  Status status(const std::filesystem::path& path) const;

 private:
  std::vector<std::string> faults_;
};

// Opens read-only and without file locking (network file systems refuse it). Errors: bad_data; io_error.
StatusOr<Hdf5File> open_hdf5_file(const std::filesystem::path& path);

// Names of the links in a group: in the order of creation where the group keeps it, else by name; at most 1,000.
std::vector<std::string> link_names(hid_t group);

// Why a link of the file's root is not followed, in words; empty: it is, or it is no link to a group.
std::string why_not_followed(hid_t root, const std::string& name);

// Opens `path` below `parent` ("a/b"; "" is the parent itself), every link on the way being a hard one.
// Errors: kNotFound (with what is there instead), bad_data. Messages have no path of the file.
StatusOr<Hdf5Group> open_group(hid_t parent, std::string_view path);

// A dataset that passed the checks above, and how its elements are stored.
struct StoredArray {
  Hdf5DatasetId id;
  std::vector<std::uint64_t> dims;
  H5D_layout_t layout = H5D_LAYOUT_ERROR;
  std::vector<std::uint64_t> chunk;     // empty unless chunked
  std::vector<std::string> filters;     // "deflate 4", "shuffle", "fletcher32"
  std::uint64_t stored_bytes = 0;       // in the file, after compression
  std::optional<std::uint64_t> offset;  // in the file, when the elements are one piece there
  H5T_class_t type_class = H5T_NO_CLASS;
  std::size_t element_bytes = 0;
  std::string type_name;   // "int64", "float32", ...
  bool is_native = false;  // in this machine's byte order

  // "60000x28x28x1"
  std::string dims_text() const;
  // "contiguous", or "chunks of 83x28x28x1, shuffle, deflate 4"
  std::string layout_text() const;
};

enum class Elements { kNumbers, kStrings, kAny };  // any: both, and enumerations, as h5py stores bool

// nullopt when it is missing or refused; the faults then say why.
std::optional<StoredArray> open_array(hid_t group, const std::string& name, std::string_view where, DataFaults& faults,
                                      Elements expected = Elements::kNumbers);

// DatasetInfo.decompressed_per_row of images.
std::size_t decompressed_per_row(const StoredArray& images);

// Opens the same dataset again with a chunk cache that holds at least four whole chunks and so many bytes. Does nothing
// when not chunked.
Status enlarge_chunk_cache(hid_t group, const std::string& name, StoredArray& array, std::size_t least_bytes = 0);

// Reads rows [first, first + count) as `memory_type`. Errors: bad_data (without path or name).
Status read_rows(const StoredArray& array, hid_t memory_type, std::int64_t first, std::int64_t count, void* out);

}  // namespace lockstep
