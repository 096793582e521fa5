// Arrays of strings in HDF5 files of others.
//
// Those of variable length, h5py's default, lie in heaps, and libhdf5 1.10 follows a damaged heap into a crash or an
// endless loop. So the heaps are read here, and libhdf5 is asked only where they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/descriptor.h"
#include "storage/import/hdf5_input.h"

namespace lockstep {

// Reads one array. Requires: that it outlives this.
class Hdf5Strings {
 public:
  // Errors: bad_data, io_error, here and below.
  static StatusOr<Hdf5Strings> open(const Hdf5Array& array);
  // Of rows [first, first + count), each without what pads it; of at most 4,096 bytes.
  StatusOr<std::vector<std::string>> read(std::int64_t first, std::int64_t count);

 private:
  // A piece of a file that holds strings by number.
  struct Heap {
    std::vector<char> bytes;
    std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> strings;  // where they begin, and their bytes
  };
  explicit Hdf5Strings(const Hdf5Array& array) : array_(&array) {}
  StatusOr<std::vector<std::string>> read_fixed(std::int64_t first, std::int64_t count) const;
  // As they are stored: length, address and number of each string.
  Status read_places(std::int64_t first, std::int64_t count, std::vector<char>& places);
  Status read_chunk(std::uint64_t number, std::vector<char>& places);
  Status read_file(std::uint64_t at, std::vector<char>& bytes) const;
  StatusOr<const Heap*> heap(std::uint64_t address);
  Status fault(std::string_view message) const;

  const Hdf5Array* array_;
  bool variable_ = false;
  Descriptor file_;
  std::uint64_t file_bytes_ = 0, base_ = 0;  // base: of the addresses in the file
  std::map<std::uint64_t, Heap> heaps_;      // that were read last
  std::uint64_t chunk_number_ = 0;           // of `chunk_`
  std::vector<char> chunk_;                  // places in the chunk that was read last
};

// All strings of all rows, some at a time, in order.
Status for_each_string(const Hdf5Array& array,
                       const std::function<Status(std::int64_t first, std::vector<std::string> strings)>& take);

}  // namespace lockstep
