#include "storage/import/import_npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "storage/base/file.h"
#include "storage/import/npy.h"
#include "storage/import/zip.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t(256) << 30;

struct SplitArrays {
  std::string name;
  std::string images_name, labels_name;  // as messages tell them
  NpyArray images, labels;
  std::int64_t rows() const { return images.shape[0]; }
};

// Reads arrays from files, or from an archive that is opened once.
class Arrays {
 public:
  static StatusOr<Arrays> open(const fs::path& archive) {
    Arrays arrays;
    if (archive.empty()) return arrays;
    arrays.path_ = archive;
    ASSIGN_OR_RETURN(arrays.archive_, read_file(archive, kMostBytes));
    const StatusOr<std::vector<ZipMember>> members = list_zip(arrays.archive_);
    if (!members.ok()) return bad_data(fmt::format("{} {}", archive.native(), std::string(members.status().message())));
    arrays.members_ = *members;
    return arrays;
  }

  bool has(const std::string& name) const { return find(name) != nullptr; }
  std::string told(const std::string& name) const {
    return path_.empty() ? name : fmt::format("{}: {}", path_.native(), name);
  }

  StatusOr<NpyArray> read(const std::string& name) const {
    std::string bytes;
    if (path_.empty()) {
      ASSIGN_OR_RETURN(bytes, read_file(name, kMostBytes));
    } else {
      const ZipMember* member = find(name);
      if (member == nullptr) {
        std::vector<std::string> names;
        for (const ZipMember& it : members_) names.push_back(it.name);
        return bad_data(
            fmt::format("{}: has no array {}: expected one of {}", path_.native(), name, fmt::join(names, ", ")));
      }
      ASSIGN_OR_RETURN(bytes, named(read_zip(archive_, *member), path_.native()));
    }
    return named(parse_npy(std::move(bytes)), told(name));
  }

 private:
  const ZipMember* find(const std::string& name) const {
    const auto found = std::ranges::find_if(
        members_, [&](const ZipMember& it) { return it.name == name || it.name == name + ".npy"; });
    return found == members_.end() ? nullptr : &*found;
  }
  // Puts the name before words that are to follow it.
  template <typename T>
  static StatusOr<T> named(StatusOr<T> value, const std::string& name) {
    if (value.ok()) return value;
    return bad_data(fmt::format("{} {}", name, std::string(value.status().message())));
  }

  fs::path path_;
  std::string archive_;
  std::vector<ZipMember> members_;
};

// Height, width and channels of an array of images.
std::optional<ImageShape> shape_of(const NpyArray& images, bool channels_first) {
  const auto& shape = images.shape;
  if (shape.size() != 3 && shape.size() != 4) return std::nullopt;
  const bool first = channels_first && shape.size() == 4;
  const std::int64_t height = shape[first ? 2 : 1], width = shape[first ? 3 : 2];
  const std::int64_t channels = shape.size() == 3 ? 1 : shape[first ? 1 : 3];
  std::int64_t elements = 1;
  for (const std::int64_t dim : {height, width, channels}) {
    if (dim < 1 || dim > kImageElementLimit || (elements *= dim) > kImageElementLimit) return std::nullopt;
  }
  return ImageShape{int(channels), int(height), int(width)};
}

std::optional<PixelType> pixel_type_of(const NpyArray& images) {
  if (images.kind == 'u' && images.bytes == 1) return PixelType::kUint8;
  if (images.kind == 'u' && images.bytes == 2) return PixelType::kUint16;
  if (images.kind == 'f') return PixelType::kFloat32;
  return std::nullopt;
}

class NpyRows final : public FoundRows {
 public:
  NpyRows(std::vector<SplitArrays> splits, bool channels_first)
      : splits_(std::move(splits)), channels_first_(channels_first) {}

  // Shape, pixel type and target of all splits; faults where there is none.
  void look(const std::vector<std::string>& class_names, std::vector<std::string>& faults);
  std::vector<FoundSplit> found() const;

  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> why) override;
  RowSource source(std::int64_t /*row*/) override { return {}; }

 private:
  void look_at_labels(const std::vector<std::string>& class_names, std::vector<std::string>& faults);
  void put_image(const NpyArray& from, std::size_t row, std::span<std::byte> to) const;

  std::vector<SplitArrays> splits_;
  bool channels_first_;
};

void NpyRows::look(const std::vector<std::string>& class_names, std::vector<std::string>& faults) {
  for (const SplitArrays& split : splits_) {
    const auto shape = shape_of(split.images, channels_first_);
    const auto type = pixel_type_of(split.images);
    const std::string text = fmt::format("{}", fmt::join(split.images.shape, "x"));
    if (!shape || split.images.shape[0] < 1) {
      faults.push_back(
          fmt::format("{}: has the shape {}: expected (rows, height, width) or (rows, height, width, channels)",
                      split.images_name, text));
      continue;
    }
    if (!type) {
      faults.push_back(
          fmt::format("{}: has elements of type {}: expected uint8, uint16 or float32; convert it with astype",
                      split.images_name, split.images.type_name()));
      continue;
    }
    if (split.labels.shape.empty() || split.labels.shape[0] != split.rows()) {
      faults.push_back(fmt::format("{} has {} rows, but {} has the shape {}: expected a label a row", split.images_name,
                                   split.rows(), split.labels_name, fmt::join(split.labels.shape, "x")));
    }
    if (image.channels == 0) {
      image = *shape;
      pixel_type = *type;
    } else if (image != *shape || pixel_type != *type) {
      faults.push_back(fmt::format("{}: has images of {} {}, but {} has others: expected the same in every split",
                                   split.images_name, text, split.images.type_name(), splits_[0].images_name));
    }
    rows += split.rows();
  }
  if (faults.empty()) look_at_labels(class_names, faults);
}

void NpyRows::look_at_labels(const std::vector<std::string>& class_names, std::vector<std::string>& faults) {
  const NpyArray& first = splits_[0].labels;
  const auto columns_of = [](const NpyArray& labels) {
    return labels.elements() / std::size_t(std::max<std::int64_t>(1, labels.shape[0]));
  };
  const std::size_t columns = columns_of(first);
  const bool floats = first.kind == 'f';
  target.kind = floats ? TargetKind::kNumbers : columns > 1 ? TargetKind::kLabels : TargetKind::kClass;
  double largest = double(columns) - 1;
  for (const SplitArrays& split : splits_) {
    const NpyArray& labels = split.labels;
    if (columns_of(labels) != columns || labels.shape.size() > 2 || (labels.kind == 'f') != floats || columns < 1) {
      faults.push_back(
          fmt::format("{}: has the shape {} of {}: expected (rows) or (rows, values), alike in every split",
                      split.labels_name, fmt::join(labels.shape, "x"), labels.type_name()));
      continue;
    }
    const double end = target.kind == TargetKind::kLabels ? 2 : double(kClassLimit);
    for (std::size_t i = 0; i < labels.elements() && !floats; ++i) {
      const double value = labels.value(i);
      if (value < 0 || value >= end) {
        faults.push_back(fmt::format("{}: row {} has the label {}: expected {}", split.labels_name, i / columns, value,
                                     target.kind == TargetKind::kLabels ? "0 or 1" : "a class from 0"));
        break;
      }
      if (target.kind == TargetKind::kClass) largest = std::max(largest, value);
    }
  }
  const auto count = std::size_t(largest) + 1;
  target.names = class_names.empty() ? numbered_class_names(count) : class_names;
  const bool fits = target.kind == TargetKind::kClass ? target.names.size() >= count : target.names.size() == count;
  if (!fits) {
    faults.push_back(
        fmt::format("{} names for {} {}: expected one each", target.names.size(), count, target_nouns(target.kind)));
  }
}

std::vector<FoundSplit> NpyRows::found() const {
  std::vector<FoundSplit> found;
  std::int64_t next = 0;
  for (const SplitArrays& split : splits_) {
    found.push_back({split.name, {}});
    for (std::int64_t i = 0; i < split.rows(); ++i) found.back().rows.push_back(next++);
  }
  return found;
}

Status NpyRows::read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
                     std::span<std::string> why) {
  const std::size_t bytes = images.size() / these.size(), values = targets.size() / these.size();
  for (std::size_t i = 0; i < these.size(); ++i) {
    std::int64_t row = these[i];
    auto split = splits_.begin();
    for (; row >= split->rows(); ++split) row -= split->rows();
    put_image(split->images, std::size_t(row), images.subspan(i * bytes, bytes));
    for (std::size_t j = 0; j < values; ++j) {
      const auto value = float(split->labels.value(std::size_t(row) * values + j));
      if (!std::isfinite(value))
        why[i] = fmt::format("row {} of {} is {}: expected finite numbers", row, split->labels_name, value);
      targets[i * values + j] = value;
    }
  }
  return OkStatus();
}

void NpyRows::put_image(const NpyArray& from, std::size_t row, std::span<std::byte> to) const {
  const std::size_t elements = image.elements(), pixels = image.pixels(), channels = std::size_t(image.channels);
  const bool moves = channels_first_ && from.shape.size() == 4;
  const std::size_t each = bytes_per_pixel(pixel_type);
  if (!moves && from.bytes == each) {
    std::memcpy(to.data(), from.at(row * elements), to.size());
    return;
  }
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t stored = moves ? i % channels * pixels + i / channels : i;
    if (from.bytes == each) {
      std::memcpy(to.data() + i * each, from.at(row * elements + stored), each);
    } else {
      const auto value = float(from.value(row * elements + stored));
      std::memcpy(to.data() + i * each, &value, each);
    }
  }
}

}  // namespace

StatusOr<ImportSummary> import_npy(const NpyImport& import, const fs::path& path) {
  ASSIGN_OR_RETURN(const Arrays arrays, Arrays::open(import.archive));
  std::vector<std::string> faults;
  std::vector<SplitArrays> splits;
  for (const NpySplit& split : import.splits) {
    if (import.skip_missing && !arrays.has(split.images) && !arrays.has(split.labels)) continue;
    auto images = arrays.read(split.images);
    auto labels = arrays.read(split.labels);
    for (const Status& status : {images.status(), labels.status()}) {
      if (!status.ok()) faults.emplace_back(status.message());
    }
    if (!images.ok() || !labels.ok()) continue;
    splits.push_back(
        {split.name, arrays.told(split.images), arrays.told(split.labels), *std::move(images), *std::move(labels)});
  }
  if (faults.empty() && splits.empty())
    faults.push_back(fmt::format("{}: has none of the arrays", import.archive.native()));
  NpyRows rows(std::move(splits), import.channels_first);
  if (faults.empty()) rows.look(import.class_names, faults);
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  ImportSummary summary;
  ASSIGN_OR_RETURN(summary.left_out, write_found(rows, rows.found(), import.options, path));
  return summary;
}

}  // namespace lockstep
