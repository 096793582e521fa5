#include "storage/import/import_hdf5.h"

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

#include "storage/import/hdf5_input.h"
#include "storage/import/hdf5_labels.h"
#include "storage/import/hdf5_names.h"
#include "storage/import/hdf5_pixels.h"
#include "storage/import/hdf5_strings.h"
#include "storage/import/hdf5_targets.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhatToName =
    "name them: --images PATH --labels PATH for one split, or --train-images PATH --train-labels PATH, and "
    "--validation-... "
    "and --test-... like these; an array of another file is FILE:PATH";

struct SplitArrays {
  std::string name;
  Hdf5Array images, labels;
};

// The files, each opened once.
class Files {
 public:
  // Errors: bad_data, io_error (all files that cannot be opened).
  Status open(const std::vector<fs::path>& paths) {
    ImportFaults faults;
    for (const fs::path& path : paths) {
      const auto file = take(path);
      if (absl::IsUnavailable(file.status())) return file.status();
      if (!file.ok()) faults.data.emplace_back(file.status().message());
    }
    return faults.status();
  }

  std::vector<ListedArray> list() const {
    std::vector<ListedArray> arrays;
    for (const auto& file : files_) std::ranges::move(file->list(), std::back_inserter(arrays));
    return arrays;
  }

  // "train/x", or "other.h5:train/x".
  std::optional<Hdf5Array> array(const std::string& name, ImportFaults& faults) {
    std::error_code error;
    for (std::size_t colon = name.find(':'); colon != std::string::npos; colon = name.find(':', colon + 1)) {
      const std::string path = name.substr(0, colon);
      if (!fs::is_regular_file(path, error)) continue;
      const auto file = take(path);
      if (file.ok()) return (*file)->array(name.substr(colon + 1), faults);
      faults.data.emplace_back(file.status().message());
      return std::nullopt;
    }
    if (files_[0]->has(name)) return files_[0]->array(name, faults);
    const std::size_t colon = name.rfind(':');
    faults.data.push_back(
        fmt::format("{}: has no {}{}; there is:\n{}", files_[0]->path(), name,
                    colon == std::string::npos ? "" : fmt::format(", and there is no file {}", name.substr(0, colon)),
                    arrays_text(files_[0]->list())));
    return std::nullopt;
  }

 private:
  StatusOr<const Hdf5Input*> take(const fs::path& path) {
    for (const auto& file : files_) {
      if (file->path() == path.native()) return file.get();
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Hdf5Input> file, Hdf5Input::open(path));
    return files_.emplace_back(std::move(file)).get();
  }
  std::vector<std::unique_ptr<Hdf5Input>> files_;
};

std::string named(const ListedArray& array) {
  return fmt::format("{}:{}", array.file, array.path);
}

// The splits that the names of the arrays tell.
std::vector<Hdf5Pair> obvious_splits(const Files& files, const Hdf5Import& import, ImportSummary& summary,
                                     ImportFaults& faults) {
  const std::vector<ListedArray> arrays = files.list();
  const FoundNames found = find_pairs(arrays);
  std::vector<Hdf5Pair> splits;
  if (!found.doubts.empty()) {
    std::vector<std::string> paths;
    for (const fs::path& path : import.files) paths.push_back(path.native());
    faults.usage.push_back(
        fmt::format("{}: which arrays are the images and the labels is not clear by their names ({}); {}. "
                    "There is:\n{}",
                    fmt::join(paths, ", "), fmt::join(found.doubts, "; "), kWhatToName, arrays_text(arrays)));
    return splits;
  }
  for (const FoundPair& pair : found.pairs) {
    const ListedArray &images = arrays[pair.images], &labels = arrays[pair.labels];
    splits.push_back({pair.split.empty() ? import.only_split : pair.split, named(images), named(labels)});
    summary.notes.push_back(fmt::format("{}: images {}, labels {}", splits.back().name, named(images), named(labels)));
  }
  return splits;
}

std::vector<SplitArrays> open_splits(Files& files, const std::vector<Hdf5Pair>& splits, ImportFaults& faults) {
  std::vector<SplitArrays> opened;
  for (const Hdf5Pair& split : splits) {
    auto images = files.array(split.images, faults);
    auto labels = files.array(split.labels, faults);
    if (!images || !labels) continue;
    if (images->rows() != labels->rows()) {
      faults.data.push_back(fmt::format("{} has the shape {}, but {} has {}: expected a label for each of the {} rows",
                                        images->where(), images->stored.dims_text(), labels->where(),
                                        labels->stored.dims_text(), images->rows()));
    }
    opened.push_back({split.name, *std::move(images), *std::move(labels)});
  }
  return opened;
}

// Of an array of strings; all of them.
StatusOr<std::vector<std::string>> read_names(Files& files, const std::string& name, ImportFaults& faults) {
  const std::optional<Hdf5Array> array = files.array(name, faults);
  std::vector<std::string> names;
  if (!array) return names;
  if (!array->is_text() || array->row_values() != 1 || array->rows() > kClassLimit) {
    faults.data.push_back(fmt::format("{} has the shape {} of {}: expected a list of strings, the names of classes",
                                      array->where(), array->stored.dims_text(), array->stored.type_name));
    return names;
  }
  RETURN_IF_ERROR(for_each_string(*array, [&](std::int64_t /*first*/, std::vector<std::string> block) -> Status {
    std::ranges::move(block, std::back_inserter(names));
    return OkStatus();
  }));
  return names;
}

// Names that were given, or those in an array that is called so.
Status find_names(Files& files, const Hdf5Import& import, LabelOptions& options, ImportFaults& faults) {
  const std::string& given = import.class_names;
  options.names_from = "--class-names";
  if (given.find(',') != std::string::npos) {
    for (std::size_t begin = 0; begin <= given.size();) {
      const std::size_t end = std::min(given.find(',', begin), given.size());
      options.names.push_back(given.substr(begin, end - begin));
      begin = end + 1;
    }
  } else if (!given.empty()) {
    ASSIGN_OR_RETURN(options.names, read_names(files, given, faults));
  } else {
    const std::vector<ListedArray> arrays = files.list();
    for (const std::size_t i : find_class_names(arrays)) {
      ASSIGN_OR_RETURN(std::vector<std::string> names, read_names(files, named(arrays[i]), faults));
      if (!options.names.empty() && names != options.names) {
        faults.usage.push_back(fmt::format("{} has other names of classes than {}: say which with --class-names",
                                           named(arrays[i]), options.names_from));
      }
      if (options.names.empty()) options.names_from = named(arrays[i]);
      options.names = std::move(names);
    }
  }
  const auto empty = std::ranges::find(options.names, "");
  if (empty != options.names.end()) {
    faults.data.push_back(
        fmt::format("{}: name {} is empty: expected a name each", options.names_from, empty - options.names.begin()));
  }
  return OkStatus();
}

class Hdf5Rows final : public FoundRows {
 public:
  Hdf5Rows(std::vector<SplitArrays> splits, PixelPlan pixels, LabelPlan labels)
      : splits_(std::move(splits)), pixels_(std::move(pixels)), labels_(std::move(labels)) {
    image = pixels_.image;
    pixel_type = pixels_.type;
    target = labels_.target;
    for (const SplitArrays& split : splits_) rows += split.images.rows();
  }

  StatusOr<std::vector<FoundSplit>> found(const Hdf5Import& import) const;
  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> why) override;
  RowSource source(std::int64_t row) override {
    const Place place = place_of(row);
    const Hdf5Array& array = splits_[place.split].images;
    return {fmt::format("{}/{}[{}]", fs::path(array.file).filename().native(), array.path, place.row), 0};
  }

 private:
  struct Place {
    std::size_t split;
    std::int64_t row;
  };
  Place place_of(std::int64_t row) const {
    std::size_t split = 0;
    for (; row >= splits_[split].images.rows(); ++split) row -= splits_[split].images.rows();
    return {split, row};
  }
  StatusOr<std::vector<Named>> names_of_first() const;

  std::vector<SplitArrays> splits_;
  PixelPlan pixels_;
  LabelPlan labels_;
};

// What the first split is drawn by.
StatusOr<std::vector<Named>> Hdf5Rows::names_of_first() const {
  const Hdf5Array& labels = splits_[0].labels;
  std::vector<Named> named;
  const auto add = [&](std::int64_t first, std::int64_t count) -> Status {
    std::vector<float> classes(std::size_t(count), 0.0F);
    std::vector<std::string> why(std::size_t(count), "");
    const bool by_class = target.kind == TargetKind::kClass;
    if (by_class) RETURN_IF_ERROR(read_labels(labels, 0, labels_, first, count, classes, why));
    for (std::size_t i = 0; i < std::size_t(count); ++i) {
      const bool good = by_class && why[i].empty();
      named.push_back({std::to_string(first + std::int64_t(i)), good ? target.names[std::size_t(classes[i])] : "", ""});
    }
    return OkStatus();
  };
  RETURN_IF_ERROR(for_each_block(labels, add));
  return named;
}

StatusOr<std::vector<FoundSplit>> Hdf5Rows::found(const Hdf5Import& import) const {
  std::vector<FoundSplit> found;
  std::int64_t next = 0;
  for (const SplitArrays& split : splits_) {
    found.push_back({split.name, {}});
    for (std::int64_t i = 0; i < split.images.rows(); ++i) found.back().rows.push_back(next++);
  }
  if (import.shares.validation + import.shares.test == 0) return found;
  ASSIGN_OR_RETURN(const std::vector<Named> named, names_of_first());
  const std::vector<int> drawn = draw_splits(named, import.shares, import.key);
  std::vector<FoundSplit> parts = {{found[0].name, {}}, {"validation", {}}, {"test", {}}};
  for (std::size_t i = 0; i < drawn.size(); ++i) parts[std::size_t(drawn[i])].rows.push_back(std::int64_t(i));
  std::erase_if(parts, [](const FoundSplit& part) { return part.rows.empty(); });
  found.erase(found.begin());
  found.insert(found.begin(), parts.begin(), parts.end());
  return found;
}

Status Hdf5Rows::read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
                      std::span<std::string> why) {
  const std::size_t bytes = images.size() / these.size(), values = targets.size() / these.size();
  for (std::size_t i = 0; i < these.size();) {
    const Place place = place_of(these[i]);
    const SplitArrays& split = splits_[place.split];
    std::size_t count = 1;  // rows behind each other
    while (i + count < these.size() && these[i + count] == these[i] + std::int64_t(count) &&
           place.row + std::int64_t(count) < split.images.rows()) {
      ++count;
    }
    const auto run = std::int64_t(count);
    RETURN_IF_ERROR(read_pixels(split.images, pixels_, place.row, run, images.subspan(i * bytes, count * bytes),
                                why.subspan(i, count)));
    RETURN_IF_ERROR(read_labels(split.labels, place.split, labels_, place.row, run,
                                targets.subspan(i * values, count * values), why.subspan(i, count)));
    i += count;
  }
  return OkStatus();
}

// Splits of which some are named twice.
void check_splits(const std::vector<Hdf5Pair>& splits, const SplitShares& shares, ImportFaults& faults) {
  std::vector<std::string> names;
  for (const Hdf5Pair& split : splits) names.push_back(split.name);
  if (shares.validation > 0) names.emplace_back("validation");
  if (shares.test > 0) names.emplace_back("test");
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return;
  faults.usage.push_back(
      fmt::format("the split {} is there twice: expected its arrays, or a share --{} of the rows of {}, "
                  "but not both",
                  *twice, *twice, splits[0].name));
}

StatusOr<std::unique_ptr<Hdf5Rows>> find_rows(Files& files, const Hdf5Import& import, std::vector<Hdf5Pair> splits,
                                              ImportSummary& summary) {
  ImportFaults faults;
  if (splits.empty()) splits = obvious_splits(files, import, summary, faults);
  RETURN_IF_ERROR(faults.status());
  check_splits(splits, import.shares, faults);
  std::vector<SplitArrays> arrays = open_splits(files, splits, faults);
  LabelOptions options{import.meaning, {}, "", import.ignored};
  RETURN_IF_ERROR(find_names(files, import, options, faults));
  if (arrays.size() < splits.size()) return faults.status();
  std::vector<const Hdf5Array*> images, labels;
  for (const SplitArrays& split : arrays) {
    images.push_back(&split.images);
    labels.push_back(&split.labels);
  }
  const auto& tell = import.options.progress;
  const auto progress = [&](const Hdf5Array& array, std::int64_t done) {
    if (tell) tell(fmt::format("{}, looked at", array.path), done, array.rows());
  };
  ASSIGN_OR_RETURN(PixelPlan pixels, look_at_pixels(images, import.channels, progress, faults));
  // What is a mask is told by the size of the images.
  if (pixels.image.channels == 0 && labels[0]->stored.dims.size() > 2) return faults.status();
  ASSIGN_OR_RETURN(LabelPlan plan, look_at_labels(labels, pixels.image, options, faults));
  RETURN_IF_ERROR(faults.status());
  summary.notes.push_back(fmt::format("images: {}", pixels.words));
  for (const std::string& words : plan.words) summary.notes.push_back(fmt::format("labels: {}", words));
  if (!options.names.empty()) summary.notes.push_back(fmt::format("names: {}", options.names_from));
  return std::make_unique<Hdf5Rows>(std::move(arrays), std::move(pixels), std::move(plan));
}

}  // namespace

StatusOr<ImportSummary> import_hdf5(const Hdf5Import& import, const fs::path& path) {
  Files files;
  RETURN_IF_ERROR(files.open(import.files));
  ImportSummary summary;
  ASSIGN_OR_RETURN(const auto rows, find_rows(files, import, import.splits, summary));
  ASSIGN_OR_RETURN(const std::vector<FoundSplit> splits, rows->found(import));
  ASSIGN_OR_RETURN(summary.left_out, write_found(*rows, splits, import.options, path));
  return summary;
}

}  // namespace lockstep
