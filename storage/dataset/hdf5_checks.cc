#include "storage/dataset/hdf5_checks.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/descriptor.h"
#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

constexpr std::uint64_t kChunkLimitBytes = std::uint64_t(1) << 30;
constexpr std::uint64_t kDeflateRatioLimit = 1032;  // of zlib's format: a match of 258 bytes in 2 bits
constexpr std::size_t kChunkCacheBytes = std::size_t(64) << 20;
constexpr std::size_t kLinkLimit = 1000;

std::string dims_of(const std::vector<std::uint64_t>& dims) {
  return fmt::format("{}", fmt::join(dims, "x"));
}

// OK when `name` is a hard link of `group`.
Status check_link(hid_t group, const std::string& name) {
  if (name.find('/') != std::string::npos) return bad_data(fmt::format("{} is a path: expected a plain name", name));
  const htri_t exists = name.empty() ? 0 : H5Lexists(group, name.c_str(), H5P_DEFAULT);
  if (exists < 0) return hdf5_read_error(fmt::format("{} cannot be looked up", name));
  if (exists == 0) {
    const auto names = link_names(group);
    return absl::NotFoundError(fmt::format("there is no {}; there is: {}", name,
                                           names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "))));
  }
  H5L_info_t info;
  if (H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT) < 0) {
    return hdf5_read_error(fmt::format("{} cannot be looked up", name));
  }
  if (info.type != H5L_TYPE_HARD) {
    return bad_data(fmt::format("{} is a soft or external link: store the data itself in the file", name));
  }
  return OkStatus();
}

std::optional<std::uint64_t> bytes_of(const std::vector<std::uint64_t>& dims, std::uint64_t element_bytes) {
  std::uint64_t bytes = element_bytes;
  for (const std::uint64_t dim : dims) {
    if (__builtin_mul_overflow(bytes, dim, &bytes)) return std::nullopt;
  }
  return bytes;
}

// Adds a fault when it is not a string of at most so many bytes, or of any length.
void check_string_type(const Hdf5Type& type, StoredArray& array, std::string_view where, DataFaults& faults) {
  if (array.type_class != H5T_STRING) {
    return faults.add(where, fmt::format("has elements of type {}: expected strings", class_name(array.type_class)));
  }
  array.type_name = "string";
  if (H5Tis_variable_str(type.get()) > 0 || (array.element_bytes >= 1 && array.element_bytes <= kStringLimitBytes)) {
    return;
  }
  faults.add(where, fmt::format("has strings of {} bytes: expected 1 to {}", array.element_bytes, kStringLimitBytes));
}

// Type of the elements; adds a fault when it is another one than expected.
void read_type(Elements expected, StoredArray& array, std::string_view where, DataFaults& faults) {
  const Hdf5Type type(H5Dget_type(array.id.get()));
  array.type_class = type.valid() ? H5Tget_class(type.get()) : H5T_NO_CLASS;
  array.element_bytes = type.valid() ? H5Tget_size(type.get()) : 0;
  const bool is_string = array.type_class == H5T_STRING;
  if (expected == Elements::kStrings || (expected == Elements::kAny && is_string)) {
    return check_string_type(type, array, where, faults);
  }
  if (expected == Elements::kAny && array.type_class == H5T_ENUM && array.element_bytes <= 8) {
    array.type_name = "bool";
    return;
  }
  const bool is_integer = array.type_class == H5T_INTEGER;
  if ((!is_integer && array.type_class != H5T_FLOAT) || array.element_bytes < 1 || array.element_bytes > 8) {
    return faults.add(
        where, fmt::format("has elements that are no numbers of at most 8 bytes, but of type {} ({} "
                           "byte{}); convert it with astype",
                           class_name(array.type_class), array.element_bytes, array.element_bytes == 1 ? "" : "s"));
  }
  const bool is_unsigned = is_integer && H5Tget_sign(type.get()) == H5T_SGN_NONE;
  array.type_name =
      fmt::format("{}{}{}", is_unsigned ? "u" : "", is_integer ? "int" : "float", array.element_bytes * 8);
  const Hdf5Type native(H5Tget_native_type(type.get(), H5T_DIR_ASCEND));
  array.is_native = native.valid() && H5Tequal(type.get(), native.get()) > 0;
}

void read_dims(StoredArray& array, std::string_view where, DataFaults& faults) {
  const Hdf5Space space(H5Dget_space(array.id.get()));
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.get()) : -1;
  std::array<hsize_t, H5S_MAX_RANK> dims{};
  if (rank < 1 || rank > 4 || H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr) != rank) {
    return faults.add(where, fmt::format("has {} dimensions: expected 1 to 4", rank));
  }
  array.dims.assign(dims.begin(), dims.begin() + rank);
}

// Layout and filters; adds a fault for each that is refused.
void read_layout(const Hdf5Properties& properties, StoredArray& array, std::string_view where, DataFaults& faults) {
  array.layout = H5Pget_layout(properties.get());
  if (array.layout == H5D_VIRTUAL) {
    faults.add(where, "is a virtual dataset: copy the data into the file");
  } else if (array.layout < 0) {
    faults.add(where, "has no known layout");
  }
  if (H5Pget_external_count(properties.get()) != 0) {
    faults.add(where, "is stored in other files: copy the data into the file");
  }
  if (array.layout != H5D_CHUNKED) return;

  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  const int rank = H5Pget_chunk(properties.get(), H5S_MAX_RANK, chunk.data());
  array.chunk.assign(chunk.begin(), chunk.begin() + std::clamp(rank, 0, int(H5S_MAX_RANK)));
  const int filters = H5Pget_nfilters(properties.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0, value = 0;
    std::size_t values = 1;
    const auto index = static_cast<unsigned>(i);
    const H5Z_filter_t filter = H5Pget_filter2(properties.get(), index, &flags, &values, &value, 0, nullptr, &config);
    if (filter == H5Z_FILTER_DEFLATE) {
      array.filters.push_back(fmt::format("deflate {}", value));
    } else if (filter == H5Z_FILTER_SHUFFLE) {
      array.filters.push_back("shuffle");
    } else if (filter == H5Z_FILTER_FLETCHER32) {
      array.filters.push_back("fletcher32");
    } else {
      faults.add(where, fmt::format("uses the filter {}: expected only deflate, shuffle or fletcher32; h5repack can "
                                    "change it",
                                    filter_name(filter)));
    }
  }
}

// How many chunks cover the extent.
std::uint64_t chunks_of(const StoredArray& array) {
  std::uint64_t chunks = 1;
  for (std::size_t i = 0; i < array.dims.size(); ++i) {
    chunks *= (array.dims[i] + array.chunk[i] - 1) / array.chunk[i];
  }
  return chunks;
}

// Chunks that are not in the file read as zeros. Deflated, their absence does not show in the size; the library has
// read the whole index for that size, and counts it again here.
void check_chunks(const StoredArray& array, std::string_view where, DataFaults& faults) {
  if (array.layout != H5D_CHUNKED) return;
  const Hdf5Space space(H5Dget_space(array.id.get()));
  hsize_t stored = 0;
  if (H5Dget_num_chunks(array.id.get(), space.get(), &stored) < 0) {
    return faults.add(where, fmt::format("has an index of chunks that cannot be read: {}", hdf5_error()));
  }
  const std::uint64_t expected = chunks_of(array);
  if (stored >= expected) return;
  faults.add(where, fmt::format("is not wholly written: {} of its {} chunks are missing, which would read as zeros; "
                                "write every row",
                                expected - stored, expected));
}

// Whether the file can hold what the header claims.
void check_size(StoredArray& array, std::string_view where, DataFaults& faults) {
  const auto bytes = bytes_of(array.dims, array.element_bytes);
  const auto chunk_bytes = bytes_of(array.chunk, array.element_bytes);
  if (!bytes) return faults.add(where, fmt::format("is too large: {}", array.dims_text()));
  if (!array.chunk.empty() && (!chunk_bytes || *chunk_bytes > kChunkLimitBytes || *chunk_bytes == 0)) {
    return faults.add(
        where, fmt::format("has chunks of {}: expected at most {} bytes each", dims_of(array.chunk), kChunkLimitBytes));
  }
  array.stored_bytes = H5Dget_storage_size(array.id.get());
  const bool deflated = std::any_of(array.filters.begin(), array.filters.end(),
                                    [](const std::string& filter) { return filter.starts_with("deflate"); });
  const std::uint64_t needed = deflated ? *bytes / kDeflateRatioLimit : *bytes;
  if (array.stored_bytes < needed || (array.stored_bytes == 0 && *bytes > 0)) {
    faults.add(where, fmt::format("is not wholly written: {} of {} need {} bytes, {} are stored; write every row",
                                  array.dims_text(), array.type_name, *bytes, array.stored_bytes));
    return;
  }
  check_chunks(array, where, faults);
}

// Where a contiguous array begins; a fault when it does not end inside the file.
void read_offset(StoredArray& array, std::string_view where, DataFaults& faults) {
  const haddr_t offset = H5Dget_offset(array.id.get());
  if (array.layout != H5D_CONTIGUOUS || offset == HADDR_UNDEF) return;
  array.offset = offset;
  const Hdf5File file(H5Iget_file_id(array.id.get()));
  hsize_t file_bytes = 0;
  const bool known = H5Fget_filesize(file.get(), &file_bytes) >= 0;
  if (!known || offset > file_bytes || array.stored_bytes > file_bytes - offset) {
    faults.add(where,
               fmt::format("lies at byte {} of a file of {} bytes: expected {} bytes there; the file is cut short "
                           "or damaged, make or copy it again",
                           *array.offset, file_bytes, array.stored_bytes));
  }
}

}  // namespace

void DataFaults::add(std::string_view where, std::string_view message) {
  faults_.push_back(fmt::format("{} {}", where, message));
}

Status DataFaults::status(const std::filesystem::path& path) const {
  if (faults_.empty()) return OkStatus();
  if (faults_.size() == 1) return bad_data(fmt::format("{}: {}", path.native(), faults_[0]));
  return bad_data(fmt::format("{}: {} faults:\n  {}", path.native(), faults_.size(), fmt::join(faults_, "\n  ")));
}

StatusOr<Hdf5File> open_hdf5_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::none) {
    return io_error(fmt::format("{}: cannot be looked at: {}", path.native(), error.message()));
  }
  if (!std::filesystem::exists(status)) {
    return bad_data(fmt::format("{}: there is no such file; make it with `lockstep data import`", path.native()));
  }
  if (!std::filesystem::is_regular_file(status)) {
    return bad_data(fmt::format("{}: expected an HDF5 file, got something that is no regular file", path.native()));
  }
  // What cannot be opened is not damaged: libhdf5 would not tell.
  if (!Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).valid()) {
    const int reason = errno;
    return io_error(fmt::format("{}: cannot open it: {}{}", path.native(), std::generic_category().message(reason),
                                reason == EMFILE ? "; raise the limit of open files (ulimit -n)" : ""));
  }
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_sec2(access.get());
  H5Pset_file_locking(access.get(), false, true);
  Hdf5File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file.valid()) {
    return hdf5_read_error(
        fmt::format("{}: cannot be opened", path.native()),
        fmt::format("{}: no HDF5 file, or a truncated or damaged one; make or copy it again", path.native()));
  }
  return file;
}

std::vector<std::string> link_names(hid_t group) {
  H5G_info_t info;
  if (H5Gget_info(group, &info) < 0) return {};
  const Hdf5Properties properties(H5Gget_create_plist(group));
  unsigned order = 0;
  H5Pget_link_creation_order(properties.get(), &order);
  const H5_index_t index = (order & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks && i < kLinkLimit; ++i) {
    std::array<char, 256> name{};
    if (H5Lget_name_by_idx(group, ".", index, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT) < 0) break;
    names.emplace_back(name.data());
  }
  return names;
}

std::string why_not_followed(hid_t root, const std::string& name) {
  H5L_info_t link;
  if (H5Lget_info(root, name.c_str(), &link, H5P_DEFAULT) < 0) return "cannot be looked up";
  if (link.type == H5L_TYPE_SOFT) return "is a soft link";
  if (link.type != H5L_TYPE_HARD) return "is an external link";
  hobj_ref_t own = 0, other = 0;
  const bool known =
      H5Rcreate(&own, root, ".", H5R_OBJECT, -1) >= 0 && H5Rcreate(&other, root, name.c_str(), H5R_OBJECT, -1) >= 0;
  return known && own == other ? "is a link back to the group that it is in" : "";
}

StatusOr<Hdf5Group> open_group(hid_t parent, std::string_view path) {
  Hdf5Group group(H5Gopen2(parent, ".", H5P_DEFAULT));
  std::size_t begin = 0;
  while (group.valid() && begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    begin = end + 1;
    if (name.empty()) continue;
    RETURN_IF_ERROR(check_link(group.get(), name));
    group = Hdf5Group(H5Gopen2(group.get(), name.c_str(), H5P_DEFAULT));
  }
  if (!group.valid()) {
    return hdf5_read_error(path.empty() ? std::string("the file is damaged: its root is no group")
                                        : fmt::format("{} is no group, or the file is damaged", path));
  }
  return group;
}

std::string StoredArray::dims_text() const {
  return dims_of(dims);
}

std::string StoredArray::layout_text() const {
  if (layout != H5D_CHUNKED) return layout == H5D_COMPACT ? "compact" : "contiguous";
  return fmt::format("chunks of {}{}{}", dims_of(chunk), filters.empty() ? "" : ", ", fmt::join(filters, ", "));
}

std::optional<StoredArray> open_array(hid_t group, const std::string& name, std::string_view where, DataFaults& faults,
                                      Elements expected) {
  const std::size_t faults_before = faults.count();
  if (const Status link = check_link(group, name); !link.ok()) {
    faults.add(where, fmt::format("cannot be opened: {}", std::string(link.message())));
    return std::nullopt;
  }
  StoredArray array;
  array.id = Hdf5DatasetId(H5Dopen2(group, name.c_str(), H5P_DEFAULT));
  const Hdf5Properties properties(array.id.valid() ? H5Dget_create_plist(array.id.get()) : -1);
  if (!properties.valid()) {
    faults.add(where, fmt::format("cannot be opened as a dataset: {}", hdf5_error()));
    return std::nullopt;
  }
  // A virtual dataset opens its source files when asked for its size: refuse it before.
  read_layout(properties, array, where, faults);
  if (faults.count() > faults_before) return std::nullopt;
  read_type(expected, array, where, faults);
  read_dims(array, where, faults);
  if (faults.count() > faults_before) return std::nullopt;
  check_size(array, where, faults);
  read_offset(array, where, faults);
  if (faults.count() > faults_before) return std::nullopt;
  return array;
}

std::size_t decompressed_per_row(const StoredArray& images) {
  if (images.filters.empty() || bytes_of(images.dims, images.element_bytes).value() <= kChunkCacheBytes) return 0;
  return bytes_of(images.chunk, images.element_bytes).value();
}

Status enlarge_chunk_cache(hid_t group, const std::string& name, StoredArray& array, std::size_t least_bytes) {
  if (array.layout != H5D_CHUNKED) return OkStatus();
  const std::size_t chunk_bytes = bytes_of(array.chunk, array.element_bytes).value();
  const std::size_t cache_bytes = std::max({kChunkCacheBytes, 4 * chunk_bytes, least_bytes});
  const std::size_t slots = std::min<std::size_t>(4 * (cache_bytes / chunk_bytes) + 1, 1000003);
  const Hdf5Properties access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk_cache(access.get(), slots, cache_bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
  array.id.reset();  // an open dataset keeps the cache it was first opened with
  array.id = Hdf5DatasetId(H5Dopen2(group, name.c_str(), access.get()));
  return array.id.valid() ? OkStatus() : hdf5_read_error("cannot be opened again");
}

Status read_rows(const StoredArray& array, hid_t memory_type, std::int64_t first, std::int64_t count, void* out) {
  std::vector<hsize_t> start(array.dims.size(), 0), size(array.dims.begin(), array.dims.end());
  start[0] = hsize_t(first);
  size[0] = hsize_t(count);
  const Hdf5Space file_space(H5Dget_space(array.id.get()));
  const Hdf5Space memory_space(H5Screate_simple(int(size.size()), size.data(), nullptr));
  const bool selected =
      H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) >= 0;
  if (!selected || H5Dread(array.id.get(), memory_type, memory_space.get(), file_space.get(), H5P_DEFAULT, out) < 0) {
    const std::string what = fmt::format("rows {} to {} cannot be read", first, first + count - 1);
    return hdf5_read_error(what, what + "; the file is damaged, make or copy it again");
  }
  return OkStatus();
}

}  // namespace lockstep
