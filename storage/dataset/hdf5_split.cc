#include "storage/dataset/hdf5_split.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>

#include "storage/dataset/hdf5_attributes.h"

namespace lockstep {
namespace {

constexpr std::int64_t kLabelBlockValues = 65536;

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
  for (const PixelType type : {PixelType::kUint8, PixelType::kUint16, PixelType::kFloat32}) {
    split.info.pixel_type = type;
    if (split.images.type_name == pixel_type_name(type)) return;
  }
  faults.add(where, fmt::format("has elements of type {}: expected uint8, uint16 or float32; convert it with astype",
                                split.images.type_name));
}

// The targets that are out of range are counted; the first one is named.
class TargetRange {
 public:
  // end: of the class index, or 2 of labels. ignored: of masks, where there is one.
  TargetRange(TargetKind kind, std::int64_t end, std::optional<double> ignored)
      : kind_(kind), end_(end), ignored_(ignored) {}
  // The value, or 0 when it is out of range.
  template <typename Value>
  float check(Value stored, std::int64_t row) {
    const auto value = double(stored);
    if (value == ignored_) return kIgnored;
    const bool good = kind_ == TargetKind::kNumbers ? std::isfinite(value) : value >= 0 && value < double(end_);
    if (good) {
      largest_ = std::max(largest_, value);
      return float(value);
    }
    if (bad_count_++ == 0) {
      bad_value_ = fmt::format("{}", stored);
      bad_row_ = row;
    }
    return 0;
  }
  double largest() const { return largest_; }
  void report(const RowSources& sources, std::string_view where, DataFaults& faults) const {
    if (bad_count_ == 0) return;
    const std::string row = row_text(bad_row_, sources.of(bad_row_).value_or(""));
    const std::string first = fmt::format("the first is {} at row {}", bad_value_, row);
    switch (kind_) {
      case TargetKind::kMask:
        return faults.add(where, fmt::format("has {} pixels outside [0, {}): {}; give a name for each class in "
                                             "class_names; the attribute ignored names a value that counts nowhere",
                                             bad_count_, end_, first));
      case TargetKind::kClass:
        return faults.add(where, fmt::format("has {} of its labels outside [0, {}): {}; number the classes from 0, or "
                                             "give a name for each in class_names",
                                             bad_count_, end_, first));
      case TargetKind::kLabels:
        return faults.add(where, fmt::format("has {} values that are neither 0 nor 1: {}; 1 says that the row has the "
                                             "label",
                                             bad_count_, first));
      case TargetKind::kNumbers:
        return faults.add(where, fmt::format("has {} values that are not finite numbers: {}; mend or remove these rows",
                                             bad_count_, first));
    }
  }

 private:
  TargetKind kind_;
  std::int64_t end_;
  std::optional<double> ignored_;
  double largest_ = 0;
  std::int64_t bad_count_ = 0, bad_row_ = 0;
  std::string bad_value_;
};

// By type and shape; none: a fault.
std::optional<TargetKind> target_kind(const StoredArray& array, std::string_view where, DataFaults& faults) {
  const bool is_flat = array.dims.size() == 1, is_table = array.dims.size() == 2;
  const bool is_integer = array.type_class == H5T_INTEGER;
  bool has_shape = true;
  for (const std::uint64_t dim : array.dims) has_shape = has_shape && dim >= 1 && dim <= std::uint64_t(kRowLimit);
  if (is_table) has_shape = has_shape && array.dims[1] <= std::uint64_t(kClassLimit);
  if (has_shape && is_flat && is_integer) return TargetKind::kClass;
  if (has_shape && is_table && is_integer && array.element_bytes == 1) return TargetKind::kLabels;
  const bool is_mask_type = array.type_name == "uint8" || array.type_name == "int32";
  if (has_shape && array.dims.size() == 3 && is_mask_type) return TargetKind::kMask;
  if (has_shape && is_table && array.type_name == "float32") return TargetKind::kNumbers;
  if (!has_shape || !is_flat) {
    faults.add(where,
               fmt::format("has the shape {}: expected one label a row, (rows); several as uint8, (rows, labels), "
                           "0 or 1; numbers as float32, (rows, numbers); or masks as uint8 or int32, (rows, "
                           "height, width)",
                           array.dims_text()));
  }
  if (!is_integer) {
    faults.add(where, fmt::format("has elements of type {}: expected integers; convert it with astype; numbers are "
                                  "float32 and have two dimensions",
                                  array.type_name));
  }
  return std::nullopt;
}

// Metrics go by name.
bool check_unlike_names(std::vector<std::string> names, TargetKind kind, std::string_view where, DataFaults& faults) {
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return true;
  faults.add(where, fmt::format("has two {} of the name \"{}\": expected a name of its own for each",
                                target_nouns(kind), *twice));
  return false;
}

// Where the images are known.
bool check_mask_size(const Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const ImageShape& image = split.info.image;
  const auto& dims = split.labels.dims;
  const bool fits =
      split.info.rows == 0 || (dims[1] == std::uint64_t(image.height) && dims[2] == std::uint64_t(image.width));
  if (!fits) {
    faults.add(where, fmt::format("has masks of {} x {} (height, width): expected {} x {}, those of the images",
                                  dims[1], dims[2], image.height, image.width));
  }
  return fits && split.info.rows != 0;
}

// Kind and rows of the labels, and whether the names fit. False: a fault.
bool check_labels(Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const StoredArray& array = split.labels;
  const std::optional<TargetKind> kind = target_kind(array, where, faults);
  if (!kind) return false;
  split.info.target = *kind;
  const auto rows = std::int64_t(array.dims[0]);
  if (split.info.rows != 0 && rows != split.info.rows) {
    faults.add(where,
               fmt::format("has {} rows but the images have {}: expected one label an image", rows, split.info.rows));
    return false;
  }
  if (*kind == TargetKind::kMask) {
    return check_mask_size(split, where, faults) && check_unlike_names(split.info.class_names, *kind, where, faults);
  }
  if (*kind == TargetKind::kClass) return true;
  auto& names = split.info.class_names;
  if (names.empty()) names = numbered_class_names(array.dims[1]);
  if (!check_unlike_names(names, *kind, where, faults)) return false;
  if (names.size() == array.dims[1]) return true;
  faults.add(where, fmt::format("has {} {} a row, but class_names has {} names: expected a name for each",
                                array.dims[1], target_nouns(*kind), names.size()));
  return false;
}

// Of masks: the value of pixels that count nowhere. False: a fault.
bool read_ignored(Hdf5Split& split, std::string_view where, DataFaults& faults) {
  StatusOr<std::optional<std::int64_t>> value = read_integer_attribute(split.labels.id.get(), "ignored");
  if (value.ok() && *value && split.info.target != TargetKind::kMask) {
    value = bad_data("attribute ignored: is of masks, (rows, height, width)");
  }
  if (!value.ok()) {
    faults.add(where, std::string(value.status().message()));
    return false;
  }
  if (*value) split.ignored = double(**value);
  return true;
}

// Calls `take` with the checked values of rows 0, 1, ..., some at a time.
template <typename Value>
Status check_targets(const StoredArray& labels, hid_t type, std::size_t values, TargetRange& range,
                     const std::function<void(std::span<const float>)>& take) {
  const auto rows = std::int64_t(labels.dims[0]);
  const std::int64_t block_rows = std::clamp(kLabelBlockValues / std::int64_t(values), std::int64_t(1), rows);
  std::vector<Value> block(std::size_t(block_rows) * values);
  std::vector<float> checked;
  for (std::int64_t first = 0; first < rows; first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows - first);
    RETURN_IF_ERROR(read_rows(labels, type, first, count, block.data()));
    checked.clear();
    for (std::size_t i = 0; i < std::size_t(count) * values; ++i) {
      checked.push_back(range.check(block[i], first + std::int64_t(i / values)));
    }
    take(checked);
  }
  return OkStatus();
}

// Targets, what they count, and the class names where the file has none.
void read_labels(std::int64_t most_kept, Hdf5Split& split, std::string_view where, DataFaults& faults) {
  if (!check_labels(split, where, faults)) return;
  const auto rows = std::int64_t(split.labels.dims[0]);
  auto& names = split.info.class_names;
  const TargetKind kind = split.info.target;
  const std::size_t values = split.info.target_values();
  const std::int64_t classes = names.empty() ? kClassLimit : std::int64_t(names.size());
  if (!read_ignored(split, where, faults)) return;
  TargetRange range(kind, kind == TargetKind::kLabels ? 2 : classes, split.ignored);
  const bool are_kept = rows <= most_kept / std::int64_t(values);
  if (are_kept) split.kept_targets.reserve(std::size_t(rows) * values);
  TargetCounter counter(kind, values);
  const auto take = [&](std::span<const float> checked) {
    counter.add(checked);
    if (are_kept) split.kept_targets.insert(split.kept_targets.end(), checked.begin(), checked.end());
  };
  const bool is_integer = split.labels.type_class == H5T_INTEGER;  // of which a double has not every digit
  const Status status = is_integer ? check_targets<std::int64_t>(split.labels, H5T_NATIVE_INT64, values, range, take)
                                   : check_targets<double>(split.labels, H5T_NATIVE_DOUBLE, values, range, take);
  if (!status.ok()) return faults.add(where, std::string(status.message()));
  range.report(split.sources, where, faults);
  if (names.empty()) names = numbered_class_names(std::size_t(range.largest()) + 1);
  counter.put(split.info);
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

// Of numbers: one for each, at the labels.
void read_units(hid_t labels, Hdf5Split& split, std::string_view where, DataFaults& faults) {
  auto units = read_string_attribute(labels, "units");
  if (!units.ok()) return faults.add(where, std::string(units.status().message()));
  if (!units->has_value()) return;
  if (split.info.target != TargetKind::kNumbers || (*units)->size() != split.info.class_names.size()) {
    return faults.add(where, fmt::format("has an attribute units of {} names: expected one for each number of a row",
                                         (*units)->size()));
  }
  split.info.units = **std::move(units);
}

// Of integer pixels, which count as 0 to 1: the mean is one of these, and the deviation no more. (1 is that of constant
// pixels, and leaves pixels as they are.)
bool check_share(PixelType type, std::span<const float> mean, std::span<const float> deviation, std::string_view where,
                 DataFaults& faults) {
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (mean[i] >= 0 && mean[i] <= 1 && deviation[i] <= 1) continue;
    faults.add(where, fmt::format("has a mean {:.4g} and deviation {:.4g} that are not of {} pixels, which count as "
                                  "value / {}: expected 0 to 1; divide both attributes by {}, or delete them",
                                  mean[i], deviation[i], pixel_type_name(type), full_scale(type), full_scale(type)));
    return false;
  }
  return true;
}

void read_statistics(hid_t images, Hdf5Split& split, std::string_view where, DataFaults& faults) {
  const auto mean = read_float_attribute(images, "mean");
  const auto deviation = read_float_attribute(images, "deviation");
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
  const PixelType type = split.info.pixel_type;
  if (type != PixelType::kFloat32 && !check_share(type, **mean, **deviation, where, faults)) return;
  split.info.mean = **mean;
  split.info.deviation = **deviation;
}

// What stands in the place of an array of images.
void open_pictures(const Hdf5Group& group, std::string_view where, const Hdf5DatasetOptions& options, Hdf5Split& split,
                   DataFaults& faults) {
  split.pictures = PictureFiles::open(split.file, group, where, options.size, faults);
  if (!split.pictures) return;
  split.info.is_encoded = true;
  split.info.digest = split.pictures->digest();
  split.info.rows = split.pictures->rows();
  split.info.image = split.pictures->image();
  split.info.pixel_type = PixelType::kUint8;
  read_statistics(group.get(), split, where, faults);
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
  std::optional<StoredArray> images;
  const StatusOr<Hdf5Group> pictures = open_group(group->get(), options.images);
  if (pictures.ok() && std::ranges::count(link_names(pictures->get()), "bytes") > 0) {
    open_pictures(*pictures, images_name, options, split, faults);
  } else {
    images = open_array(group->get(), options.images, images_name, faults);
  }
  auto labels = open_array(group->get(), options.labels, labels_name, faults);
  const hid_t labels_id = labels ? labels->id.get() : -1;
  read_class_names({labels_id, group->get(), split.file.get()}, split, options.group, faults);
  if (images) {
    split.images = *std::move(images);
    check_shape(split, images_name, faults);
    check_pixel_type(split, images_name, faults);
    split.info.decompressed_per_row = decompressed_per_row(split.images);
    if (split.info.rows != 0) read_statistics(split.images.id.get(), split, images_name, faults);
  }
  split.sources = RowSources::open(group->get(), options.group, split.info.rows, faults);
  split.info.has_sources = !split.sources.empty();
  if (labels) {
    split.labels = *std::move(labels);
    read_labels(options.most_kept_targets, split, labels_name, faults);
    read_units(split.labels.id.get(), split, labels_name, faults);
  }
  RETURN_IF_ERROR(faults.status(path));
  if (split.pictures) return split;
  const Status status = enlarge_chunk_cache(group->get(), options.images, split.images);
  if (!status.ok()) return with_context(status, split.name);
  return split;
}

}  // namespace lockstep
