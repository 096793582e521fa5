#include "storage/dataset/picture_files.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/dataset/hdf5_attributes.h"
#include "storage/dataset/hdf5_types.h"
#include "storage/image/decode_window.h"

namespace lockstep {
namespace {

constexpr std::uint64_t kMostFileBytes = std::uint64_t(1) << 30;

std::optional<std::int64_t> integer(const Hdf5Group& group, const char* name, std::string_view where,
                                    std::int64_t least, std::int64_t most, DataFaults& faults) {
  const StatusOr<std::optional<std::int64_t>> value = read_integer_attribute(group.get(), name);
  if (!value.ok()) {
    faults.add(where, std::string(value.status().message()));
  } else if (!*value || **value < least || **value > most) {
    faults.add(where, fmt::format("attribute {}: expected a whole number from {} to {}", name, least, most));
  } else {
    return **value;
  }
  return std::nullopt;
}

// A whole array of whole numbers, with these extents.
template <typename Value>
std::vector<Value> read_all(const Hdf5Group& group, const char* name, std::string_view where, hid_t type,
                            const std::vector<std::uint64_t>& dims, DataFaults& faults) {
  const std::string place = fmt::format("{}/{}", where, name);
  const auto array = open_array(group.get(), name, place, faults);
  if (!array) return {};
  if (array->type_class != H5T_INTEGER || array->dims != dims) {
    faults.add(place, fmt::format("has {} of {}: expected whole numbers, {}", array->dims_text(), array->type_name,
                                  fmt::join(dims, "x")));
    return {};
  }
  std::uint64_t values = 1;
  for (const std::uint64_t extent : dims) values *= extent;
  std::vector<Value> all(values);
  const Status status = read_rows(*array, type, 0, std::int64_t(dims[0]), all.data());
  if (!status.ok()) faults.add(place, std::string(status.message()));
  return all;
}

std::uint64_t next_digest(std::uint64_t before, std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), before);
}

Hdf5DatasetId create_array(hid_t group, const char* name, hid_t type, const std::vector<hsize_t>& dims) {
  const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(properties.get(), false);
  const Hdf5Space space(H5Screate_simple(int(dims.size()), dims.data(), nullptr));
  return Hdf5DatasetId(H5Dcreate2(group, name, type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
}

bool write_part(const Hdf5DatasetId& array, hid_t type, std::uint64_t first, std::vector<hsize_t> dims,
                const void* values) {
  std::vector<hsize_t> start(dims.size(), 0);
  start[0] = first;
  const Hdf5Space file_space(H5Dget_space(array.get()));
  const Hdf5Space memory_space(H5Screate_simple(int(dims.size()), dims.data(), nullptr));
  return H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, dims.data(), nullptr) >= 0 &&
         H5Dwrite(array.get(), type, memory_space.get(), file_space.get(), H5P_DEFAULT, values) >= 0;
}

}  // namespace

std::optional<PictureFiles> PictureFiles::open(const Hdf5File& file, const Hdf5Group& group, std::string_view where,
                                               int side, DataFaults& faults) {
  const std::size_t before = faults.count();
  PictureFiles files;
  const std::string bytes_name = fmt::format("{}/bytes", where);
  const auto bytes = open_array(group.get(), "bytes", bytes_name, faults);
  const auto formats = open_array(group.get(), "format", fmt::format("{}/format", where), faults);
  if (!bytes || !formats) return std::nullopt;
  if (bytes->type_name != "uint8" || bytes->dims.size() != 1 || !bytes->offset) {
    faults.add(bytes_name, fmt::format("has {} of {}, {}: expected uint8 in one contiguous piece", bytes->dims_text(),
                                       bytes->type_name, bytes->layout_text()));
  }
  const std::uint64_t rows = formats->dims.size() == 1 ? formats->dims[0] : 0;
  if (rows < 1 || rows > std::uint64_t(kRowLimit)) {
    faults.add(where, fmt::format("has formats of shape {}: expected a number a row", formats->dims_text()));
  }
  const auto height = integer(group, "height", where, 1, 1 << 14, faults);
  const auto width = integer(group, "width", where, 1, 1 << 14, faults);
  const auto channels = integer(group, "channels", where, 1, 3, faults);
  const auto background = integer(group, "background", where, 0, 0xffffff, faults);
  const auto digest = read_string_attribute(group.get(), "digest");
  if (!digest.ok() || !*digest || (*digest)->size() != 1) faults.add(where, "expected an attribute digest, one string");
  if (faults.count() > before) return std::nullopt;
  files.offsets_ = read_all<std::uint64_t>(group, "offsets", where, H5T_NATIVE_UINT64, {rows + 1}, faults);
  const auto shapes = read_all<std::int32_t>(group, "shapes", where, H5T_NATIVE_INT32, {rows, 3}, faults);
  const auto kinds = read_all<std::uint8_t>(group, "format", where, H5T_NATIVE_UINT8, {rows}, faults);
  if (faults.count() > before) return std::nullopt;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int32_t* const shape = &shapes[3 * row];
    const std::uint64_t begin = files.offsets_[row], end = files.offsets_[row + 1];
    const bool good = begin <= end && end <= bytes->dims[0] && end - begin <= kMostFileBytes && shape[0] >= 1 &&
                      shape[1] >= 1 && std::int64_t(shape[0]) * shape[1] <= kMostPixels;
    if (!good) {
      faults.add(where,
                 fmt::format("row {} has bytes {} to {} of {}, and {} x {} pixels: the file is damaged, import it "
                             "again",
                             row, begin, end, bytes->dims[0], shape[1], shape[0]));
      return std::nullopt;
    }
    files.shapes_.push_back({shape[0], shape[1]});
    ++files.formats_[kinds[row]];
  }
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle) >= 0) {
    files.file_ = Descriptor(::fcntl(*static_cast<const int*>(handle), F_DUPFD_CLOEXEC, 0));
  }
  if (!files.file_.valid()) faults.add(where, "cannot be read beside the library");
  files.begin_ = *bytes->offset;
  files.image_ = {int(*channels) == 3 ? 3 : 1, side > 0 ? side : int(*height), side > 0 ? side : int(*width)};
  files.background_ = {std::uint8_t(*background >> 16), std::uint8_t(*background >> 8 & 0xff),
                       std::uint8_t(*background & 0xff)};
  files.digest_ = XXH3_64bits((**digest)[0].data(), (**digest)[0].size());
  return faults.count() > before ? std::nullopt : std::optional(std::move(files));
}

std::string PictureFiles::layout_text() const {
  std::string kinds;
  for (const auto& [format, count] : formats_) {
    const bool known = format <= std::uint8_t(ImageFormat::kTiff);
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count,
                         known ? image_format_name(ImageFormat(format)) : "of another format");
  }
  const auto pixels = [](const auto& shape) { return std::int64_t(shape[0]) * shape[1]; };
  const auto [least, most] = std::ranges::minmax(shapes_, {}, pixels);
  return fmt::format("picture files, {}, of {} x {} to {} x {} pixels", kinds, least[1], least[0], most[1], most[0]);
}

ImageShape PictureFiles::picture(std::int64_t row) const {
  const auto& shape = shapes_[std::size_t(row)];
  return {image_.channels, shape[0], shape[1]};
}

Status PictureFiles::read_window(std::int64_t row, const Window& window, std::span<std::byte> out) const {
  CHECK(row >= 0 && row < rows() && out.size() == image_.elements(), "row {} of {}", row, rows());
  std::string bytes(offsets_[std::size_t(row) + 1] - offsets_[std::size_t(row)], '\0');
  const std::uint64_t begin = begin_ + offsets_[std::size_t(row)];
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, off_t(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
    if (got == 0) return bad_data("the file was cut short while in use; make or copy it again");
    done += std::size_t(got);
  }
  ASSIGN_OR_RETURN(
      const Image image,
      decode_window(
          bytes, {window.top, window.left, window.height, window.width},
          {.height = image_.height, .width = image_.width, .channels = image_.channels, .background = background_}));
  CHECK(image.pixels.size() == out.size());
  std::ranges::copy(image.pixels, out.begin());
  return OkStatus();
}

std::optional<PictureFilesWriter> PictureFilesWriter::create(hid_t split, std::int64_t rows, std::uint64_t bytes,
                                                             ImageShape image, std::array<std::uint8_t, 3> background) {
  PictureFilesWriter writer;
  const Hdf5Properties creation(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  writer.group_ = Hdf5Group(H5Gcreate2(split, "images", H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!writer.group_.valid()) return std::nullopt;
  const hid_t group = writer.group_.get();
  writer.bytes_ = create_array(group, "bytes", H5T_STD_U8LE, {hsize_t(std::max<std::uint64_t>(bytes, 1))});
  writer.offsets_ = create_array(group, "offsets", H5T_STD_U64LE, {hsize_t(rows) + 1});
  writer.shapes_ = create_array(group, "shapes", H5T_STD_I32LE, {hsize_t(rows), 3});
  writer.formats_ = create_array(group, "format", H5T_STD_U8LE, {hsize_t(rows)});
  const std::int64_t colour = background[0] << 16 | background[1] << 8 | background[2];
  const bool good = writer.bytes_.valid() && writer.offsets_.valid() && writer.shapes_.valid() &&
                    writer.formats_.valid() && write_integer_attribute(group, "height", image.height).ok() &&
                    write_integer_attribute(group, "width", image.width).ok() &&
                    write_integer_attribute(group, "channels", image.channels).ok() &&
                    write_integer_attribute(group, "background", colour).ok() &&
                    write_part(writer.offsets_, H5T_NATIVE_UINT64, 0, {1}, &writer.done_bytes_);
  return good ? std::optional(std::move(writer)) : std::nullopt;
}

bool PictureFilesWriter::append(std::span<const PictureFile> files) {
  std::vector<std::int32_t> shapes;
  std::vector<std::uint8_t> formats;
  std::vector<std::uint64_t> ends;
  std::string bytes;
  for (const PictureFile& file : files) {
    shapes.insert(shapes.end(), {file.height, file.width, file.channels});
    formats.push_back(file.format);
    bytes += file.bytes;
    ends.push_back(done_bytes_ + bytes.size());
    digest_ = next_digest(digest_, file.bytes);
  }
  const hsize_t count = files.size();
  const std::uint64_t first = std::uint64_t(done_);
  const bool good =
      (bytes.empty() || write_part(bytes_, H5T_NATIVE_UINT8, done_bytes_, {hsize_t(bytes.size())}, bytes.data())) &&
      write_part(offsets_, H5T_NATIVE_UINT64, first + 1, {count}, ends.data()) &&
      write_part(shapes_, H5T_NATIVE_INT32, first, {count, 3}, shapes.data()) &&
      write_part(formats_, H5T_NATIVE_UINT8, first, {count}, formats.data());
  done_ += std::int64_t(count);
  done_bytes_ += bytes.size();
  return good;
}

bool PictureFilesWriter::finish() {
  const std::string digest = fmt::format("{:016x}", digest_);
  return write_string_attribute(group_.get(), "digest", {&digest, 1}).ok();
}

}  // namespace lockstep
