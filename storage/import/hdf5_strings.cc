#include "storage/import/hdf5_strings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

constexpr std::size_t kPlaceBytes = 16;  // of a string of variable length: length (4), address (8), number (4)
constexpr std::size_t kHeapHead = 16, kStringHead = 16;
constexpr std::uint64_t kMostHeapBytes = std::uint64_t(1) << 28;
constexpr std::size_t kMostHeaps = 64;  // that are kept
constexpr std::int64_t kBlockStrings = 4096;

static_assert(std::endian::native == std::endian::little);

template <typename T>
T number_at(const std::vector<char>& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::string cut_at_zero(const char* bytes, std::size_t count) {
  return std::string(bytes, strnlen(bytes, count));
}

// Undoes the filters of one chunk, but for those that were `skipped`: the library does it in a file in memory, which
// has the same chunk as plain bytes.
Status unfilter(const StoredArray& stored, std::uint32_t skipped, const std::vector<char>& raw,
                std::vector<char>& out) {
  const Hdf5Properties source(H5Dget_create_plist(stored.id.get())), access(H5Pcreate(H5P_FILE_ACCESS));
  const Hdf5Properties creation(H5Pcreate(H5P_DATASET_CREATE));
  const int rank = int(stored.chunk.size());
  std::array<hsize_t, 4> dims{}, origin{};
  std::ranges::copy(stored.chunk, dims.begin());
  H5Pset_chunk(creation.get(), rank, dims.data());
  for (int i = 0; i < H5Pget_nfilters(source.get()); ++i) {
    unsigned flags = 0, config = 0, value = 0;
    std::size_t values = 1;
    const auto index = static_cast<unsigned>(i);
    if ((skipped >> index & 1) != 0) continue;
    const H5Z_filter_t filter = H5Pget_filter2(source.get(), index, &flags, &values, &value, 0, nullptr, &config);
    H5Pset_filter(creation.get(), filter, flags, filter == H5Z_FILTER_DEFLATE ? 1 : 0, &value);
  }
  H5Pset_fapl_core(access.get(), 1 << 16, false);
  const Hdf5File file(H5Fcreate("chunk", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
  const Hdf5Type type(H5Tcreate(H5T_OPAQUE, kPlaceBytes));
  const Hdf5Space space(H5Screate_simple(rank, dims.data(), nullptr));
  const Hdf5DatasetId plain(
      H5Dcreate2(file.get(), "chunk", type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!plain.valid() || H5Dwrite_chunk(plain.get(), H5P_DEFAULT, 0, origin.data(), raw.size(), raw.data()) < 0 ||
      H5Dread(plain.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0) {
    return hdf5_read_error("a chunk cannot be read", "a chunk is damaged; make or copy the file again");
  }
  return OkStatus();
}

}  // namespace

Status Hdf5Strings::fault(std::string_view message) const {
  return bad_data(fmt::format("{} {}; the file is damaged, make or copy it again", array_->where(), message));
}

StatusOr<Hdf5Strings> Hdf5Strings::open(const Hdf5Array& array) {
  const auto lock = hdf5_lock();
  Hdf5Strings strings(array);
  const Hdf5Type type(H5Dget_type(array.stored.id.get()));
  strings.variable_ = H5Tis_variable_str(type.get()) > 0;
  if (!strings.variable_) return strings;
  const Hdf5File file(H5Iget_file_id(array.stored.id.get()));
  const Hdf5Properties creation(H5Fget_create_plist(file.get()));
  hsize_t file_bytes = 0, base = 0;
  std::size_t address_bytes = 0, length_bytes = 0;
  void* handle = nullptr;
  if (H5Fget_filesize(file.get(), &file_bytes) < 0 || H5Pget_userblock(creation.get(), &base) < 0 ||
      H5Pget_sizes(creation.get(), &address_bytes, &length_bytes) < 0 ||
      H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle) < 0) {
    return with_context(hdf5_read_error("cannot be looked at"), array.where());
  }
  if (address_bytes != 8 || length_bytes != 8 || array.stored.layout == H5D_COMPACT) {
    return bad_data(
        fmt::format("{} has strings of variable length, stored as is not known here: expected them contiguous or "
                    "in chunks, with addresses of 8 bytes; store them with a fixed length",
                    array.where()));
  }
  strings.file_bytes_ = file_bytes;
  strings.base_ = base;
  strings.file_ = Descriptor(::fcntl(*static_cast<const int*>(handle), F_DUPFD_CLOEXEC, 0));
  if (!strings.file_.valid()) {
    return io_error(fmt::format("{}: cannot open it twice: {}", array.file, std::generic_category().message(errno)));
  }
  return strings;
}

StatusOr<std::vector<std::string>> Hdf5Strings::read_fixed(std::int64_t first, std::int64_t count) const {
  const auto lock = hdf5_lock();
  const std::size_t bytes = array_->stored.element_bytes;
  const Hdf5Type type(H5Dget_type(array_->stored.id.get()));
  std::vector<char> block(std::size_t(count) * bytes);
  if (const Status status = read_rows(array_->stored, type.get(), first, count, block.data()); !status.ok()) {
    return with_context(status, array_->where());
  }
  const bool spaces = H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD;
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < std::size_t(count); ++i) {
    std::string& value = strings.emplace_back(cut_at_zero(block.data() + i * bytes, bytes));
    while (spaces && value.ends_with(' ')) value.pop_back();
  }
  return strings;
}

Status Hdf5Strings::read_file(std::uint64_t at, std::vector<char>& bytes) const {
  if (at > file_bytes_ || bytes.size() > file_bytes_ - at) return fault("has strings beyond the end of the file");
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, off_t(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return io_error(fmt::format("{} cannot be read: {}", array_->where(), std::generic_category().message(errno)));
    }
    if (got == 0) return fault("was cut short while it was read");
    done += std::size_t(got);
  }
  return OkStatus();
}

Status Hdf5Strings::read_chunk(std::uint64_t number, std::vector<char>& places) {
  const auto lock = hdf5_lock();
  const StoredArray& stored = array_->stored;
  std::array<hsize_t, 4> at{};
  at[0] = number * stored.chunk[0];
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(stored.id.get(), at.data(), &bytes) < 0 || bytes > file_bytes_) {
    hdf5_error();
    return fault("has a chunk whose place is not known");
  }
  std::size_t elements = 1;
  for (const std::uint64_t side : stored.chunk) elements *= side;
  std::vector<char> raw(bytes);
  places.resize(elements * kPlaceBytes);
  std::uint32_t skipped = 0;
  if (H5Dread_chunk(stored.id.get(), H5P_DEFAULT, at.data(), &skipped, raw.data()) < 0) {
    return with_context(hdf5_read_error("a chunk cannot be read"), array_->where());
  }
  const Status status = unfilter(stored, skipped, raw, places);
  return status.ok() ? status : with_context(status, array_->where());
}

Status Hdf5Strings::read_places(std::int64_t first, std::int64_t count, std::vector<char>& places) {
  const StoredArray& stored = array_->stored;
  places.resize(std::size_t(count) * kPlaceBytes);
  if (stored.layout != H5D_CHUNKED) {
    if (!stored.offset) return fault("has no known place in the file");
    return read_file(*stored.offset + std::uint64_t(first) * kPlaceBytes, places);
  }
  const std::uint64_t rows = stored.chunk[0];
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t row = std::uint64_t(first + i), number = row / rows;
    if (chunk_.empty() || number != chunk_number_) {
      RETURN_IF_ERROR(read_chunk(number, chunk_));
      chunk_number_ = number;
    }
    const std::size_t row_bytes = chunk_.size() / rows;
    std::memcpy(places.data() + std::size_t(i) * kPlaceBytes, chunk_.data() + row % rows * row_bytes, kPlaceBytes);
  }
  return OkStatus();
}

// "GCOL", a version, its size; then strings: number (2), uses (2), 0 (4), bytes (8), the string, filled to 8 bytes. The
// number 0 is the room that is left.
StatusOr<const Hdf5Strings::Heap*> Hdf5Strings::heap(std::uint64_t address) {
  if (const auto found = heaps_.find(address); found != heaps_.end()) return &found->second;
  if (address > file_bytes_ || base_ > file_bytes_) return fault("has strings beyond the end of the file");
  std::vector<char> head(kHeapHead);
  RETURN_IF_ERROR(read_file(base_ + address, head));
  const auto size = number_at<std::uint64_t>(head, 8);
  if (std::memcmp(head.data(), "GCOL\1", 5) != 0 || size < kHeapHead || size > kMostHeapBytes) {
    return fault(fmt::format("has no heap of strings at byte {}", base_ + address));
  }
  Heap heap;
  heap.bytes.resize(size);
  RETURN_IF_ERROR(read_file(base_ + address, heap.bytes));
  for (std::size_t at = kHeapHead; at + kStringHead <= size;) {
    const auto number = number_at<std::uint16_t>(heap.bytes, at);
    const auto bytes = number_at<std::uint64_t>(heap.bytes, at + 8);
    if (number == 0) break;
    at += kStringHead;
    if (bytes > size - at)
      return fault(fmt::format("has a heap of strings at byte {} that is damaged", base_ + address));
    heap.strings[number] = {at, std::size_t(bytes)};
    at += (std::size_t(bytes) + 7) / 8 * 8;
  }
  if (heaps_.size() >= kMostHeaps) heaps_.clear();
  return &heaps_.emplace(address, std::move(heap)).first->second;
}

StatusOr<std::vector<std::string>> Hdf5Strings::read(std::int64_t first, std::int64_t count) {
  if (!variable_) return read_fixed(first, count);
  std::vector<char> places;
  RETURN_IF_ERROR(read_places(first, count, places));
  std::vector<std::string> strings;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::size_t at = std::size_t(i) * kPlaceBytes;
    const auto length = number_at<std::uint32_t>(places, at);
    const auto address = number_at<std::uint64_t>(places, at + 4);
    if (length > kStringLimitBytes) {
      return bad_data(fmt::format("{} has a string of over {} bytes at row {}: expected names of classes",
                                  array_->where(), kStringLimitBytes, first + i));
    }
    std::string& value = strings.emplace_back();
    if (length == 0 || address == 0) continue;
    ASSIGN_OR_RETURN(const Heap* const in, heap(address));
    const auto found = in->strings.find(number_at<std::uint32_t>(places, at + 12));
    if (found == in->strings.end() || found->second.second < length) {
      return fault(fmt::format("has a string at row {} that is in no heap", first + i));
    }
    value = cut_at_zero(in->bytes.data() + found->second.first, length);
  }
  return strings;
}

Status for_each_string(const Hdf5Array& array,
                       const std::function<Status(std::int64_t first, std::vector<std::string> strings)>& take) {
  ASSIGN_OR_RETURN(Hdf5Strings strings, Hdf5Strings::open(array));
  for (std::int64_t first = 0; first < array.rows(); first += kBlockStrings) {
    ASSIGN_OR_RETURN(std::vector<std::string> block,
                     strings.read(first, std::min(kBlockStrings, array.rows() - first)));
    RETURN_IF_ERROR(take(first, std::move(block)));
  }
  return OkStatus();
}

}  // namespace lockstep
