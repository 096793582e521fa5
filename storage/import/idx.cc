#include "storage/import/idx.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "storage/base/file.h"
#include "storage/dataset/dataset.h"

namespace lockstep {
namespace {

constexpr unsigned kBufferBytes = 256 << 10;
constexpr std::size_t kReadBytes = std::size_t(1) << 30;  // gzread counts in int
constexpr int kUnsignedByte = 0x08;
constexpr int kDimensionLimit = 4;

}  // namespace

StatusOr<IdxReader> IdxReader::open(const std::filesystem::path& path) {
  RETURN_IF_ERROR(refuse_no_file(path));
  errno = 0;
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    const std::string text =
        fmt::format("{}: cannot be opened: {}", path.native(), std::generic_category().message(errno));
    return missing ? bad_data(text) : io_error(text);
  }
  IdxReader reader(path, file);
  gzbuffer(file, kBufferBytes);
  RETURN_IF_ERROR(reader.read_header());
  return reader;
}

Status IdxReader::read_header() {
  std::array<unsigned char, 4> word{};
  RETURN_IF_ERROR(read(std::as_writable_bytes(std::span(word))));
  if (word[0] != 0 || word[1] != 0 || word[3] < 1 || word[3] > kDimensionLimit) {
    return fault(fmt::format("is no IDX file: expected 00 00 08 and a number of dimensions from 1 to {}, got {:02x}",
                             kDimensionLimit, fmt::join(word, " ")));
  }
  if (word[2] != kUnsignedByte) {
    return fault(fmt::format("has elements of type 0x{:02x}: expected 0x08, unsigned bytes", word[2]));
  }
  const int dimensions = word[3];
  std::vector<std::int64_t> dims;
  for (int i = 0; i < dimensions; ++i) {
    RETURN_IF_ERROR(read(std::as_writable_bytes(std::span(word))));
    const std::int64_t dim = (std::int64_t(word[0]) << 24) | (word[1] << 16) | (word[2] << 8) | word[3];
    dims.push_back(dim);
  }
  std::size_t row_bytes = 1;
  for (int i = 1; i < dimensions; ++i) row_bytes = std::min(row_bytes * std::size_t(dims[std::size_t(i)]), kReadBytes);
  if (dims[0] == 0 || row_bytes == 0 || row_bytes > std::size_t(kImageElementLimit)) {
    return fault(fmt::format("has the shape {}: expected 1 row or more of 1 to {} bytes each", fmt::join(dims, "x"),
                             kImageElementLimit));
  }
  dims_ = std::move(dims);
  row_bytes_ = row_bytes;
  bytes_read_ = 0;
  return OkStatus();
}

Status IdxReader::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const int got = gzread(file_.get(), out.data(), static_cast<unsigned>(std::min(out.size(), kReadBytes)));
    if (got <= 0) {
      int error = Z_OK;
      const char* text = gzerror(file_.get(), &error);
      if (error == Z_ERRNO) return io_error(fmt::format("{}: cannot be read: {}", path_.native(), text));
      if (error != Z_OK && error != Z_BUF_ERROR) return fault(fmt::format("is damaged: {}; download it again", text));
      if (dims_.empty()) return fault("is cut short in the header; download it again");
      return fault(fmt::format("is cut short: {} rows of {} bytes need {} bytes, got {}; download it again", dims_[0],
                               row_bytes_, std::uint64_t(dims_[0]) * row_bytes_, bytes_read_));
    }
    bytes_read_ += std::uint64_t(got);
    out = out.subspan(std::size_t(got));
  }
  return OkStatus();
}

Status IdxReader::expect_end() {
  const std::uint64_t expected = std::uint64_t(dims_[0]) * row_bytes_;
  CHECK(bytes_read_ == expected, "{} of {} bytes read", bytes_read_, expected);
  char extra;
  const int got = gzread(file_.get(), &extra, 1);
  int error = Z_OK;
  const char* text = gzerror(file_.get(), &error);
  if (got > 0) return fault(fmt::format("has bytes after its {} rows: expected {} bytes of data", dims_[0], expected));
  if (got < 0 || error != Z_OK) return fault(fmt::format("is damaged: {}; download it again", text));
  return OkStatus();
}

Status IdxReader::fault(std::string_view message) const {
  return bad_data(fmt::format("{}: {}", path_.native(), message));
}

}  // namespace lockstep
