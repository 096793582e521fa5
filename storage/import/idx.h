// Reads the IDX format of the MNIST family (LeCun, Cortes and Burges, "The MNIST database"): two zero bytes, element
// type, number of dimensions, the dimensions as big-endian uint32, then the elements. Plain or gzipped (by content).
// Threads: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include <zlib.h>

#include "storage/base/status.h"

namespace lockstep {

class IdxReader {
 public:
  // Reads the header. Elements must be unsigned bytes, as in every file of the family; dimensions 1 to 4, none 0.
  // Errors: bad_data (missing, no IDX, other element type, cut short).
  static StatusOr<IdxReader> open(const std::filesystem::path& path);

  const std::vector<std::int64_t>& dims() const { return dims_; }
  // Bytes of one row: the product of all dimensions but the first, at most 2^28.
  std::size_t row_bytes() const { return row_bytes_; }

  // The next whole rows. Requires: out.size() is a multiple of row_bytes(). Errors: bad_data (cut short, damaged gzip).
  Status read(std::span<std::byte> out);
  // OK when every byte was read. Errors: bad_data (bytes left over, wrong gzip checksum).
  Status expect_end();

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose_r(file); }
  };
  IdxReader(std::filesystem::path path, gzFile file) : path_(std::move(path)), file_(file) {}
  Status read_header();
  Status fault(std::string_view message) const;

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::vector<std::int64_t> dims_;
  std::size_t row_bytes_ = 1;
  std::uint64_t bytes_read_ = 0;  // after the header
};

}  // namespace lockstep
