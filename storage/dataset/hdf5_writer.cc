#include "storage/dataset/hdf5_writer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/descriptor.h"
#include "storage/base/fault.h"
#include "storage/dataset/hdf5_attributes.h"
#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

constexpr std::size_t kChunkBytes = 64 << 10;  // small: reading one row inflates a whole chunk
constexpr hsize_t kAlignmentBytes = 4096;      // images begin on a page

Status system_error(std::string_view operation, const std::filesystem::path& path) {
  return io_error(
      fmt::format("cannot {} \"{}\": {}", operation, path.native(), std::generic_category().message(errno)));
}

Status fsync_path(const std::filesystem::path& path, int flags) {
  const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (!file.valid()) return system_error("open", path);
  return ::fsync(file.get()) == 0 ? OkStatus() : system_error("fsync", path);
}

// Makes the closed file `temporary` durable under its final name.
Status commit(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  RETURN_IF_ERROR(fault_point("dataset.fsync"));
  RETURN_IF_ERROR(fsync_path(temporary, O_RDWR));
  RETURN_IF_ERROR(fault_point("dataset.rename"));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("replace", path);
  const std::filesystem::path directory = path.parent_path();
  return fsync_path(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
}

Hdf5DatasetId create_dataset(hid_t group, const char* name, hid_t type, const std::vector<hsize_t>& dims,
                             std::size_t row_bytes, int compress_level) {
  const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(properties.get(), false);  // the same calls give the same bytes
  if (compress_level > 0) {
    std::vector<hsize_t> chunk = dims;
    chunk[0] = std::clamp<hsize_t>(kChunkBytes / row_bytes, 1, dims[0]);
    H5Pset_chunk(properties.get(), int(chunk.size()), chunk.data());
    H5Pset_shuffle(properties.get());
    H5Pset_deflate(properties.get(), static_cast<unsigned>(compress_level));
  }
  const Hdf5Space space(H5Screate_simple(int(dims.size()), dims.data(), nullptr));
  return Hdf5DatasetId(H5Dcreate2(group, name, type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
}

// False, with the library's error, when the rows could not be written.
bool write_rows(hid_t dataset, hid_t memory_type, std::vector<hsize_t> dims, std::int64_t first, const void* values) {
  std::vector<hsize_t> start(dims.size(), 0);
  start[0] = hsize_t(first);
  const Hdf5Space file_space(H5Dget_space(dataset));
  const Hdf5Space memory_space(H5Screate_simple(int(dims.size()), dims.data(), nullptr));
  return H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, dims.data(), nullptr) >= 0 &&
         H5Dwrite(dataset, memory_type, memory_space.get(), file_space.get(), H5P_DEFAULT, values) >= 0;
}

Hdf5Group create_group(hid_t parent, const std::string& name) {
  const Hdf5Properties creation(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  return Hdf5Group(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
}

Hdf5Type path_type(const SourceColumns& columns) {
  Hdf5Type type = string_type(columns.longest_path, H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

std::vector<hsize_t> image_dims(std::int64_t rows, ImageShape image) {
  return {hsize_t(rows), hsize_t(image.height), hsize_t(image.width), hsize_t(image.channels)};
}

}  // namespace

StatusOr<std::unique_ptr<Hdf5DatasetWriter>> Hdf5DatasetWriter::create(const std::filesystem::path& path,
                                                                       const Hdf5WriterOptions& options) {
  CHECK(options.compress_level >= 0 && options.compress_level <= 9, "level {}", options.compress_level);
  const auto lock = hdf5_lock();
  std::unique_ptr<Hdf5DatasetWriter> writer(new Hdf5DatasetWriter(path, options));
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_sec2(access.get());
  H5Pset_file_locking(access.get(), false, true);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);  // checksums in all metadata
  H5Pset_alignment(access.get(), kAlignmentBytes, kAlignmentBytes);
  const Hdf5Properties creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);  // splits keep their order
  writer->file_ = Hdf5File(H5Fcreate(writer->temporary_.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()));
  if (!writer->file_.valid()) return writer->write_error("create the file");
  return writer;
}

Hdf5DatasetWriter::~Hdf5DatasetWriter() {
  if (temporary_.empty()) return;
  split_.reset();
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

StatusOr<Hdf5Group> Hdf5DatasetWriter::begin(const std::string& name, std::int64_t rows, ImageShape image,
                                             PixelType type, const SourceColumns& sources) {
  const std::size_t elements = image.elements();
  CHECK(rows >= 1 && rows <= kRowLimit, "{} rows", rows);
  CHECK(elements >= 1 && elements <= std::size_t(kImageElementLimit), "images of {} values", elements);
  CHECK(sources.longest_path <= kStringLimitBytes, "paths of {} bytes", sources.longest_path);
  RETURN_IF_ERROR(end_split());
  Hdf5Group group = create_group(file_.get(), name);
  if (!group.valid()) return write_error("create a group");
  split_.emplace(Split{name, {}, {}, {}, {}, {}, sources, image, type, rows, 0, PixelStatistics(image, type)});
  return group;
}

Status Hdf5DatasetWriter::create_rest(const Hdf5Group& group) {
  if (!create_targets(group)) return write_error("create a dataset");
  return split_->columns.longest_path == 0 ? OkStatus() : create_sources(group);
}

Status Hdf5DatasetWriter::begin_split(const std::string& name, std::int64_t rows, ImageShape image, PixelType type,
                                      const SourceColumns& sources) {
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(const Hdf5Group group, begin(name, rows, image, type, sources));
  split_->images = create_dataset(group.get(), "images", file_type(type), image_dims(rows, image),
                                  image.elements() * bytes_per_pixel(type), options_.compress_level);
  if (!split_->images.valid()) return write_error("create a dataset");
  return create_rest(group);
}

Status Hdf5DatasetWriter::begin_encoded_split(const std::string& name, std::int64_t rows, ImageShape image,
                                              std::uint64_t bytes, std::array<std::uint8_t, 3> background,
                                              const SourceColumns& sources) {
  CHECK(options_.target != TargetKind::kMask, "masks stay as large as raw images");
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(const Hdf5Group group, begin(name, rows, image, PixelType::kUint8, sources));
  split_->pictures = PictureFilesWriter::create(group.get(), rows, bytes, image, background);
  if (!split_->pictures) return write_error("create a dataset");
  return create_rest(group);
}

std::size_t Hdf5DatasetWriter::target_values() const {
  return lockstep::target_values(options_.target, options_.class_names.size(), split_->image.pixels());
}

bool Hdf5DatasetWriter::create_targets(const Hdf5Group& group) {
  const hsize_t rows = hsize_t(split_->rows), names = options_.class_names.size();
  CHECK(names > 0 || options_.target == TargetKind::kClass, "{} without names", target_nouns(options_.target));
  const auto create = [&](hid_t type, const std::vector<hsize_t>& dims) {
    const std::size_t row_bytes = std::max<std::size_t>(1, target_values() * H5Tget_size(type));
    split_->labels = create_dataset(group.get(), "labels", type, dims, row_bytes, options_.compress_level);
    return split_->labels.valid();
  };
  switch (options_.target) {
    case TargetKind::kClass:
      return create(H5T_STD_I64LE, {rows});
    case TargetKind::kLabels:
      return create(H5T_STD_U8LE, {rows, names});
    case TargetKind::kNumbers:
      return create(H5T_IEEE_F32LE, {rows, names}) &&
             (options_.units.empty() || write_string_attribute(split_->labels.get(), "units", options_.units).ok());
    case TargetKind::kMask:
      return create(wide_masks() ? H5T_STD_I32LE : H5T_STD_U8LE,
                    {rows, hsize_t(split_->image.height), hsize_t(split_->image.width)}) &&
             write_integer_attribute(split_->labels.get(), "ignored", ignored()).ok();
  }
  return false;
}

Status Hdf5DatasetWriter::create_sources(const Hdf5Group& group) {
  const Hdf5Group inner = create_group(group.get(), "sources");
  if (!inner.valid()) return write_error("create a group");
  const std::vector<hsize_t> dims = {hsize_t(split_->rows)};
  const SourceColumns& columns = split_->columns;
  const int level = std::max(options_.compress_level, 1);
  split_->paths = create_dataset(inner.get(), "path", path_type(columns).get(), dims, columns.longest_path, level);
  if (columns.lines) {
    split_->lines = create_dataset(inner.get(), "line", H5T_STD_I64LE, dims, sizeof(std::int64_t), level);
  }
  return split_->paths.valid() && split_->lines.valid() == columns.lines ? OkStatus() : write_error("create a dataset");
}

Status Hdf5DatasetWriter::append(std::span<const std::byte> images, std::span<const float> targets,
                                 std::span<const RowSource> sources, std::span<const PictureFile> files) {
  CHECK(split_.has_value(), "append before begin_split");
  const std::size_t count = targets.size() / target_values();
  const auto rows = std::int64_t(count);
  CHECK(targets.size() == count * target_values(), "{} targets, of {} each", targets.size(), target_values());
  CHECK(images.size() == count * split_->image.elements() * bytes_per_pixel(split_->type),
        "{} bytes of images for {} rows", images.size(), rows);
  CHECK(split_->done + rows <= split_->rows, "{} rows of {}", split_->done + rows, split_->rows);
  const bool has_sources = split_->columns.longest_path > 0;
  CHECK(sources.size() == (has_sources ? count : 0), "{} sources for {} rows", sources.size(), rows);
  CHECK(files.size() == (split_->pictures ? count : 0), "{} files for {} rows", files.size(), rows);
  if (rows == 0) return OkStatus();
  RETURN_IF_ERROR(check_targets(targets, sources));
  split_->statistics.add(images);
  RETURN_IF_ERROR(fault_point("dataset.write"));
  const auto lock = hdf5_lock();
  const bool written = split_->pictures ? split_->pictures->append(files)
                                        : write_rows(split_->images.get(), memory_type(split_->type),
                                                     image_dims(rows, split_->image), split_->done, images.data());
  if (!written || !write_targets(targets, rows)) return write_error("write rows");
  if (has_sources) RETURN_IF_ERROR(append_sources(sources));
  split_->done += rows;
  return OkStatus();
}

Status Hdf5DatasetWriter::check_targets(std::span<const float> targets, std::span<const RowSource> sources) {
  const auto names = options_.class_names.empty() ? kClassLimit : std::int64_t(options_.class_names.size());
  const TargetKind kind = options_.target;
  const float end = kind == TargetKind::kLabels ? 2.0F : float(names);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const float value = targets[i];
    const bool good = kind == TargetKind::kNumbers ? std::isfinite(value)
                                                   : (value >= 0 && value < end && value == std::floor(value)) ||
                                                         (kind == TargetKind::kMask && value == kIgnored);
    if (!good) {
      const std::size_t row = i / target_values();
      const std::string text = row_text(split_->done + std::int64_t(row), sources.empty() ? "" : sources[row].text());
      const std::string expected = kind == TargetKind::kNumbers ? "a finite number"
                                   : kind == TargetKind::kLabels
                                       ? "0 or 1"
                                       : fmt::format("0 to {}, one of the {} classes", names - 1, names);
      return bad_data(fmt::format("{}: row {} has the label {}: expected {}", split_->name, text, value, expected));
    }
    if (kind == TargetKind::kClass) largest_label_ = std::max(largest_label_, std::int32_t(value));
  }
  return OkStatus();
}

bool Hdf5DatasetWriter::write_targets(std::span<const float> targets, std::int64_t rows) {
  const auto write = [&](hid_t type, std::vector<hsize_t> inner, const void* values) {
    inner.insert(inner.begin(), hsize_t(rows));
    return write_rows(split_->labels.get(), type, inner, split_->done, values);
  };
  const hsize_t names = options_.class_names.size();
  if (options_.target == TargetKind::kNumbers) return write(H5T_NATIVE_FLOAT, {names}, targets.data());
  std::vector<std::int32_t> whole(targets.begin(), targets.end());
  if (options_.target == TargetKind::kClass) return write(H5T_NATIVE_INT32, {}, whole.data());
  if (options_.target == TargetKind::kLabels) return write(H5T_NATIVE_INT32, {names}, whole.data());
  std::ranges::replace(whole, std::int32_t(kIgnored), ignored());
  return write(H5T_NATIVE_INT32, {hsize_t(split_->image.height), hsize_t(split_->image.width)}, whole.data());
}

Status Hdf5DatasetWriter::append_sources(std::span<const RowSource> sources) {
  const SourceColumns& columns = split_->columns;
  std::string paths;
  std::vector<std::int64_t> lines;
  for (const RowSource& source : sources) {
    CHECK(source.path.size() <= columns.longest_path, "a path of {} bytes", source.path.size());
    CHECK(columns.lines ? source.line >= 1 : source.line == 0, "line {}", source.line);
    paths.append(source.path).append(columns.longest_path - source.path.size(), '\0');
    lines.push_back(source.line);
  }
  const std::vector<hsize_t> dims = {hsize_t(sources.size())};
  bool written = write_rows(split_->paths.get(), path_type(columns).get(), dims, split_->done, paths.data());
  if (columns.lines) {
    written = write_rows(split_->lines.get(), H5T_NATIVE_INT64, dims, split_->done, lines.data()) && written;
  }
  return written ? OkStatus() : write_error("write rows");
}

Status Hdf5DatasetWriter::end_split() {
  if (!split_) return OkStatus();
  CHECK(split_->done == split_->rows, "{} has {} rows of {}", split_->name, split_->done, split_->rows);
  if (split_->pictures && !split_->pictures->finish()) return write_error("write a digest");
  const hid_t images = split_->pictures ? split_->pictures->group() : split_->images.get();
  const auto channels = std::size_t(split_->image.channels);
  const bool computed = options_.normalize;
  RETURN_IF_ERROR(
      write_float_attribute(images, "mean", computed ? split_->statistics.mean() : std::vector<float>(channels, 0.0F)));
  RETURN_IF_ERROR(write_float_attribute(
      images, "deviation", computed ? split_->statistics.deviation() : std::vector<float>(channels, 1.0F)));
  split_.reset();
  return OkStatus();
}

Status Hdf5DatasetWriter::finish() {
  const auto lock = hdf5_lock();
  CHECK(split_.has_value(), "a file without a split");
  RETURN_IF_ERROR(end_split());
  const auto names =
      options_.class_names.empty() ? numbered_class_names(std::size_t(largest_label_) + 1) : options_.class_names;
  RETURN_IF_ERROR(write_string_attribute(file_.get(), "class_names", names));
  if (H5Fflush(file_.get(), H5F_SCOPE_LOCAL) < 0) return write_error("flush");
  file_.reset();
  RETURN_IF_ERROR(commit(temporary_, path_));
  temporary_.clear();
  return OkStatus();
}

Status Hdf5DatasetWriter::write_error(std::string_view what) const {
  return io_error(fmt::format("cannot {} in \"{}\": {}; check the free space and the permissions of its directory",
                              what, temporary_.native(), hdf5_error()));
}

}  // namespace lockstep
