#include "storage/dataset/hdf5_split.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "storage/dataset/hdf5_attributes.h"

namespace lockstep {
namespace {

constexpr std::int64_t kLabelBlockRows = 65536;

// Rows and shape, into split.info.
void check_shape(Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const auto& dims = split.images.dims;
  const std::string text = split.images.dims_text();
  if (dims.size() != 3 && dims.size() != 4) {
    return faults.add(where, fmt::format("has {} dimensions ({}): expected 4 (rows, height, width, channels), or 3 "
                                         "without channels; reshape it",
                                         dims.size(), text));
  }
  if (dims[0] == 0) return faults.add(where, fmt::format("has no rows: its shape is {}", text));
  std::uint64_t elements = 1;
  bool good = dims[0] <= std::uint64_t(kRowLimit);
  for (std::size_t i = 1; good && i < dims.size(); ++i) {
    good = dims[i] <= std::uint64_t(kImageElementLimit);  // so that the product does not overflow
    elements *= dims[i];
    good = good && elements >= 1 && elements <= std::uint64_t(kImageElementLimit);
  }
  if (!good) {
    return faults.add(where, fmt::format("has the shape {}: expected 1 to {} rows of 1 to {} values each", text,
                                         kRowLimit, kImageElementLimit));
  }
  split.info.rows = std::int64_t(dims[0]);
  split.info.image = {dims.size() == 4 ? int(dims[3]) : 1, int(dims[1]), int(dims[2])};
}

void check_pixel_type(Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const std::string& name = split.images.type_name;
  if (name != "uint8" && name != "float32") {
    faults.add(where, fmt::format("has elements of type {}: expected uint8 or float32; convert it with astype", name));
  }
  split.info.pixel_type = name == "uint8" ? PixelType::kUint8 : PixelType::kFloat32;
}

// The labels that are out of range are counted; the first one is named.
class LabelRange {
 public:
  explicit LabelRange(std::int64_t classes) : classes_(classes) {}
  // The label, or 0 when it is out of range.
  std::int32_t check(std::int64_t label, std::int64_t row) {
    if (label >= 0 && label < classes_) {
      largest_ = std::max(largest_, label);
      return std::int32_t(label);
    }
    if (bad_count_++ == 0) {
      bad_label_ = label;
      bad_row_ = row;
    }
    return 0;
  }
  std::int64_t largest() const { return largest_; }
  void report(std::string_view where, DataFaults& faults) const {
    if (bad_count_ == 0) return;
    faults.add(where, fmt::format("has {} of its labels outside [0, {}): the first is {} at row {}; number the "
                                  "classes from 0, or give a name for each in class_names",
                                  bad_count_, classes_, bad_label_, bad_row_));
  }

 private:
  std::int64_t classes_;
  std::int64_t largest_ = 0;
  std::int64_t bad_count_ = 0, bad_label_ = 0, bad_row_ = 0;
};

// Labels, and the class names where the file has none.
void read_labels(const StoredArray& array, Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const bool has_shape = array.dims.size() == 1 && array.dims[0] >= 1 && array.dims[0] <= std::uint64_t(kRowLimit);
  if (!has_shape) faults.add(where, fmt::format("has the shape {}: expected one label a row", array.dims_text()));
  if (array.type_class != H5T_INTEGER) {
    faults.add(where,
               fmt::format("has elements of type {}: expected integers; convert it with astype", array.type_name));
  }
  if (!has_shape || array.type_class != H5T_INTEGER) return;
  const auto rows = std::int64_t(array.dims[0]);
  if (split.info.rows != 0 && rows != split.info.rows) {
    return faults.add(
        where, fmt::format("has {} rows but the images have {}: expected one label an image", rows, split.info.rows));
  }
  auto& names = split.info.class_names;
  LabelRange range(names.empty() ? kClassLimit : std::int64_t(names.size()));
  split.labels.resize(std::size_t(rows));
  std::vector<std::int64_t> block(std::size_t(std::min(rows, kLabelBlockRows)));
  for (std::int64_t first = 0; first < rows; first += kLabelBlockRows) {
    const std::int64_t count = std::min(kLabelBlockRows, rows - first);
    const Status status = read_rows(array, H5T_NATIVE_INT64, first, count, block.data());
    if (!status.ok()) return faults.add(where, std::string(status.message()));
    for (std::int64_t i = 0; i < count; ++i) {
      split.labels[std::size_t(first + i)] = range.check(block[std::size_t(i)], first + i);
    }
  }
  range.report(where, faults);
  if (names.empty()) names = numbered_class_names(std::size_t(range.largest() + 1));
}

// The nearest class_names: of the labels, of the group, of the file.
void read_class_names(std::initializer_list<hid_t> objects, Hdf5Split& split, std::string_view where,
                      DataFaults& faults) {
  for (const hid_t object : objects) {
    if (object < 0) continue;
    auto names = read_string_attribute(object, "class_names");
    if (!names.ok()) return faults.add(where, std::string(names.status().message()));
    if (!names->has_value()) continue;
    split.info.class_names = **std::move(names);
    return;
  }
}

// Of uint8 pixels, which count as 0 to 1: the mean is one of these, and the deviation no more. (1 is that of constant
// pixels, and leaves pixels as they are.)
bool check_share(std::span<const float> mean, std::span<const float> deviation, std::string_view where,
                 DataFaults& faults) {
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (mean[i] >= 0 && mean[i] <= 1 && deviation[i] <= 1) continue;
    faults.add(where, fmt::format("has a mean {:.4g} and deviation {:.4g} that are not of uint8 pixels, which count as "
                                  "value / 255: expected 0 to 1; divide both attributes by 255, or delete them",
                                  mean[i], deviation[i]));
    return false;
  }
  return true;
}

void read_statistics(Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const auto mean = read_float_attribute(split.images.id.get(), "mean");
  const auto deviation = read_float_attribute(split.images.id.get(), "deviation");
  for (const auto* values : {&mean, &deviation}) {
    if (!values->ok()) faults.add(where, std::string(values->status().message()));
  }
  if (!mean.ok() || !deviation.ok() || (!mean->has_value() && !deviation->has_value())) return;
  const auto all_finite = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  };
  const auto channels = std::size_t(split.info.image.channels);
  const bool good = mean->has_value() && deviation->has_value() && (*mean)->size() == channels &&
                    (*deviation)->size() == channels && all_finite(**mean) && all_finite(**deviation) &&
                    *std::min_element((*deviation)->begin(), (*deviation)->end()) > 0;
  if (!good) {
    return faults.add(where, fmt::format("has attributes mean and deviation that do not fit: expected {} finite values "
                                         "in each, deviations above 0; correct or delete both",
                                         channels));
  }
  if (split.info.pixel_type == PixelType::kUint8 && !check_share(**mean, **deviation, where, faults)) return;
  split.info.mean = **mean;
  split.info.deviation = **deviation;
}

}  // namespace

StatusOr<Hdf5Split> open_hdf5_split(const std::filesystem::path& path, const Hdf5DatasetOptions& options) {
  Hdf5Split split;
  ASSIGN_OR_RETURN(split.file, open_hdf5_file(path));
  auto group = open_group(split.file.get(), options.group);
  if (!group.ok()) return with_context(group.status(), path.native());
  const std::string images_name = fmt::format("{}/{}", options.group, options.images);
  const std::string labels_name = fmt::format("{}/{}", options.group, options.labels);
  split.name = fmt::format("{}: {}", path.native(), images_name);

  DataFaults faults;
  auto images = open_array(group->get(), options.images, images_name, faults);
  auto labels = open_array(group->get(), options.labels, labels_name, faults);
  const hid_t labels_id = labels ? labels->id.get() : -1;
  read_class_names({labels_id, group->get(), split.file.get()}, split, options.group, faults);
  if (images) {
    split.images = *std::move(images);
    check_shape(split, images_name, faults);
    check_pixel_type(split, images_name, faults);
    split.info.decompressed_per_row = decompressed_per_row(split.images);
    if (split.info.rows != 0) read_statistics(split, images_name, faults);
  }
  if (labels) read_labels(*labels, split, labels_name, faults);
  RETURN_IF_ERROR(faults.status(path));
  const Status status = enlarge_chunk_cache(group->get(), options.images, split.images);
  if (!status.ok()) return with_context(status, split.name);
  return split;
}

}  // namespace lockstep
