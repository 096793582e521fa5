#include "storage/import/hdf5_labels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "storage/import/hdf5_strings.h"

namespace lockstep {
namespace {

constexpr double kWholeLimit = double(std::int64_t(1) << 53);
constexpr std::size_t kSmallValues = 65536;
constexpr std::size_t kMostToldClasses = 20;

// Values that occur, of which those below kSmallValues cost little.
class Distinct {
 public:
  void add(double value) {
    if (value >= 0 && value < double(kSmallValues))
      small_[std::size_t(value)] = 1;
    else if (large_.size() <= std::size_t(kClassLimit))
      large_.insert(value);
  }
  std::vector<double> sorted() const {
    std::vector<double> values(large_.begin(), large_.end());
    for (std::size_t i = 0; i < small_.size(); ++i) {
      if (small_[i] != 0) values.push_back(double(i));
    }
    std::ranges::sort(values);
    return values;
  }

 private:
  std::vector<std::uint8_t> small_ = std::vector<std::uint8_t>(kSmallValues);
  std::set<double> large_;
};

// The first of some values that are not as expected, and how many there are.
struct BadValues {
  std::int64_t count = 0, row = 0;
  double value = 0;
  void add(std::int64_t at, double bad) {
    if (count++ > 0) return;
    row = at;
    value = bad;
  }
  std::string text() const {
    return fmt::format("has the value {} at row {}{}", value, row,
                       count == 1 ? "" : fmt::format(" ({} such values in all)", count));
  }
};

// What there is in the labels of one array; values that are not finite are left out.
struct Seen {
  BadValues not_whole, not_bits;  // neither 0 nor 1
  std::int64_t not_one_hot = 0;   // rows without exactly one 1
};

Status look_at_numbers(const Hdf5Array& array, Seen& seen, Distinct& distinct) {
  const std::size_t columns = array.row_values();
  std::vector<double> block;
  return for_each_block(array, [&](std::int64_t first, std::int64_t count) -> Status {
    block.resize(std::size_t(count) * columns);
    RETURN_IF_ERROR(read_values(array, first, count, block.data()));
    for (std::size_t i = 0; i < std::size_t(count); ++i) {
      const std::int64_t row = first + std::int64_t(i);
      double ones = 0;
      for (const double value : std::span(block).subspan(i * columns, columns)) {
        if (!std::isfinite(value)) continue;
        if (value != std::floor(value) || std::abs(value) >= kWholeLimit)
          seen.not_whole.add(row, value);
        else
          distinct.add(value);
        if (value != 0 && value != 1) seen.not_bits.add(row, value);
        ones += value;
      }
      seen.not_one_hot += ones != 1 ? 1 : 0;
    }
    return OkStatus();
  });
}

// How the rows are stored, whatever their values; nullopt: in no way that is known.
std::optional<StoredLabels> stored_as(const Hdf5Array& array, ImageShape image) {
  const auto& dims = array.stored.dims;
  const std::size_t values = array.row_values();
  if (array.is_text()) return values == 1 ? std::optional(StoredLabels::kText) : std::nullopt;
  if (values == 1) return StoredLabels::kColumn;
  const auto side = [&](std::size_t axis) { return axis < dims.size() ? dims[axis] : 1; };
  const std::size_t height = dims.size() == 4 && dims[1] == 1 ? 2 : 1;  // (rows, 1, height, width)
  const bool is_mask = dims.size() >= 3 && values == image.pixels() && side(height) == std::uint64_t(image.height) &&
                       side(height + 1) == std::uint64_t(image.width);
  if (is_mask) return StoredLabels::kMask;
  const bool one_axis = std::ranges::count_if(dims.begin() + 1, dims.end(), [](auto dim) { return dim > 1; }) == 1;
  return one_axis && values <= std::size_t(kClassLimit) ? std::optional(StoredLabels::kRow) : std::nullopt;
}

// Alike in all splits.
std::optional<StoredLabels> stored_as(const std::vector<const Hdf5Array*>& arrays, ImageShape image,
                                      ImportFaults& faults) {
  const std::size_t before = faults.data.size();
  const auto first = stored_as(*arrays[0], image);
  for (const Hdf5Array* array : arrays) {
    const auto stored = stored_as(*array, image);
    if (!stored) {
      faults.data.push_back(
          fmt::format("{} has the shape {} of {}: expected (rows), (rows, 1), (rows, labels), or masks of "
                      "(rows, {}, {}), a number a pixel",
                      array->where(), array->stored.dims_text(), array->stored.type_name, image.height, image.width));
    } else if (stored != first || array->row_values() != arrays[0]->row_values()) {
      faults.data.push_back(
          fmt::format("{} has the shape {} of {}, but {} has {} of {}: expected labels of one kind in "
                      "every split",
                      array->where(), array->stored.dims_text(), array->stored.type_name, arrays[0]->where(),
                      arrays[0]->stored.dims_text(), arrays[0]->stored.type_name));
    }
  }
  return faults.data.size() > before ? std::nullopt : first;
}

// Looks at the labels of one import and fills in a plan.
class Look {
 public:
  Look(const std::vector<const Hdf5Array*>& arrays, const LabelOptions& options, LabelPlan& plan, ImportFaults& faults)
      : arrays_(arrays), options_(options), plan_(plan), faults_(faults) {}

  Status run() {
    if (plan_.stored == StoredLabels::kText) return texts();
    for (const Hdf5Array* array : arrays_) RETURN_IF_ERROR(look_at_numbers(*array, seen_.emplace_back(), distinct_));
    if (options_.meaning == LabelMeaning::kNumbers) {
      numbers();
    } else if (plan_.stored == StoredLabels::kRow || options_.meaning != LabelMeaning::kRecognised) {
      bits();
    } else {
      classes();
    }
    return OkStatus();
  }

 private:
  Status texts();
  void numbers();
  void bits();
  void classes();
  void number_anew(const std::vector<double>& values);
  bool name_columns(TargetKind kind);
  void refuse(const Hdf5Array& array, std::string_view message) {
    faults_.data.push_back(fmt::format("{} {}", array.where(), message));
  }
  std::string names_text() const { return fmt::format("{} names ({})", options_.names.size(), options_.names_from); }

  const std::vector<const Hdf5Array*>& arrays_;
  const LabelOptions& options_;
  LabelPlan& plan_;
  ImportFaults& faults_;
  std::vector<Seen> seen_;  // an array each
  Distinct distinct_;
};

Status Look::texts() {
  if (options_.meaning != LabelMeaning::kRecognised) {
    faults_.usage.push_back(
        fmt::format("{} has strings, each the name of a class: expected no --multi, --one-hot or "
                    "--numbers",
                    arrays_[0]->where()));
    return OkStatus();
  }
  std::map<std::string, float> found;  // each with a number in order of their first rows
  for (const Hdf5Array* array : arrays_) {
    std::vector<float>& rows = plan_.texts.emplace_back();
    RETURN_IF_ERROR(
        for_each_string(*array, [&](std::int64_t /*first*/, const std::vector<std::string>& block) -> Status {
          for (const std::string& text : block) rows.push_back(found.emplace(text, float(found.size())).first->second);
          return found.size() <= std::size_t(kClassLimit)
                     ? OkStatus()
                     : bad_data(fmt::format("{} has over {} different strings: expected names of classes",
                                            array->where(), kClassLimit));
        }));
  }
  std::vector<std::string>& names = plan_.target.names;
  names = options_.names;
  if (names.empty()) std::ranges::copy(std::views::keys(found), std::back_inserter(names));
  std::erase(names, "");
  if (names.empty()) refuse(*arrays_[0], "has empty strings only: expected names of classes");
  std::map<std::string_view, float> places;
  for (const std::string& name : names) places.emplace(name, float(places.size()));
  std::vector<float> classes(found.size(), -1.0F);
  for (const auto& [text, number] : found) {
    const auto place = places.find(text);
    if (place != places.end()) {
      classes[std::size_t(number)] = place->second;
    } else if (!text.empty()) {
      refuse(*arrays_[0], fmt::format("has the class \"{}\", which is none of the {}: expected a name for each class",
                                      text, names_text()));
    }
  }
  for (std::vector<float>& rows : plan_.texts) {
    for (float& row : rows) row = classes[std::size_t(row)];
  }
  plan_.words.push_back(fmt::format("{} classes, named by strings{}", plan_.target.names.size(),
                                    options_.names.empty() ? ", in sorted order" : ""));
  return OkStatus();
}

// Names of the columns of a row.
bool Look::name_columns(TargetKind kind) {
  const std::size_t columns = arrays_[0]->row_values();
  plan_.target.kind = kind;
  plan_.target.names = options_.names.empty() ? numbered_class_names(columns) : options_.names;
  if (plan_.target.names.size() == columns) return true;
  refuse(*arrays_[0], fmt::format("has {} {} a row, but there are {}: expected one each", columns, target_nouns(kind),
                                  names_text()));
  return false;
}

void Look::numbers() {
  if (plan_.stored == StoredLabels::kMask) {
    return refuse(*arrays_[0], "is as large as the images: expected masks, without --numbers, or some numbers a row");
  }
  plan_.stored = StoredLabels::kRow;
  if (name_columns(TargetKind::kNumbers))
    plan_.words.push_back(fmt::format("{} numbers a row", plan_.target.names.size()));
}

// Several labels, or one class as one-hot.
void Look::bits() {
  const bool one_hot = options_.meaning == LabelMeaning::kOneHot;
  const auto columns = arrays_[0]->row_values();
  if (plan_.stored == StoredLabels::kMask || (one_hot && columns == 1)) {
    return refuse(*arrays_[0], fmt::format("has the shape {}: expected (rows, labels) for --multi and --one-hot",
                                           arrays_[0]->stored.dims_text()));
  }
  std::int64_t not_one_hot = 0;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    not_one_hot += seen_[i].not_one_hot;
    if (seen_[i].not_bits.count == 0) continue;
    refuse(*arrays_[i], fmt::format("{}: expected 0 or 1 in {} columns, of labels or one-hot; --numbers takes them as "
                                    "numbers",
                                    seen_[i].not_bits.text(), columns));
  }
  if (!faults_.empty()) return;
  const bool recognised = options_.meaning == LabelMeaning::kRecognised && not_one_hot == 0;
  plan_.stored = one_hot || recognised ? StoredLabels::kOneHot : StoredLabels::kRow;
  if (!name_columns(plan_.stored == StoredLabels::kOneHot ? TargetKind::kClass : TargetKind::kLabels)) return;
  if (plan_.stored == StoredLabels::kOneHot) {
    plan_.words.push_back(fmt::format("{} classes, one-hot{}", columns,
                                      recognised ? ": every row has exactly one 1; with --multi they are labels" : ""));
  } else if (options_.meaning == LabelMeaning::kSeveral) {
    plan_.words.push_back(fmt::format("{} labels a row", columns));
  } else {
    plan_.words.push_back(fmt::format(
        "{} labels a row: {} rows have not exactly one 1; with --one-hot these are bad rows", columns, not_one_hot));
  }
}

// A class in a number: of a row, or of a pixel.
void Look::classes() {
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (seen_[i].not_whole.count == 0) continue;
    refuse(*arrays_[i], fmt::format("{}: expected classes, whole numbers below 2^53{}", seen_[i].not_whole.text(),
                                    plan_.stored == StoredLabels::kMask ? "" : "; --numbers takes them as numbers"));
  }
  if (!faults_.empty()) return;
  const bool is_mask = plan_.stored == StoredLabels::kMask;
  if (is_mask && options_.ignored) plan_.ignored = double(*options_.ignored);
  if (!is_mask && options_.ignored) faults_.usage.push_back("--ignored is of masks, but the labels are none");
  plan_.target.kind = is_mask ? TargetKind::kMask : TargetKind::kClass;
  std::vector<double> values = distinct_.sorted();
  if (plan_.ignored) std::erase(values, *plan_.ignored);
  if (values.empty() || values.size() > std::size_t(kClassLimit)) {
    return refuse(*arrays_[0], fmt::format("has {} different values: expected 1 to {} classes{}", values.size(),
                                           kClassLimit, is_mask ? "" : "; --numbers takes them as numbers"));
  }
  const auto& names = options_.names;
  const auto least = names.empty() ? values.size() : names.size();
  if (values.front() >= 0 && values.back() < double(least)) {
    plan_.target.names = names.empty() ? numbered_class_names(values.size()) : names;
  } else if (names.empty() || names.size() == values.size()) {
    number_anew(values);
  } else {
    refuse(*arrays_[0], fmt::format("has {} classes, numbered {} to {}, but there are {}: expected a name each; give "
                                    "--class-names",
                                    values.size(), values.front(), values.back(), names_text()));
  }
  plan_.words.push_back(fmt::format("{} classes{}{}", plan_.target.names.size(),
                                    is_mask                  ? ", one a pixel: masks"
                                    : arrays_[0]->is_float() ? ", whole numbers"
                                                             : "",
                                    plan_.ignored ? fmt::format("; {} counts nowhere", *plan_.ignored) : ""));
}

void Look::number_anew(const std::vector<double>& values) {
  plan_.values = values;
  plan_.target.names = options_.names;
  std::vector<std::string> table;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (options_.names.empty()) plan_.target.names.push_back(fmt::format("{}", values[i]));
    if (i < kMostToldClasses) table.push_back(fmt::format("{} -> {}", values[i], i));
  }
  if (values.size() > kMostToldClasses) table.push_back(fmt::format("and {} more", values.size() - kMostToldClasses));
  plan_.words.push_back(fmt::format("not numbered from 0 without holes, and so numbered anew: {}{}",
                                    fmt::join(table, ", "),
                                    options_.names.empty() ? "; the names of the classes are the old numbers" : ""));
  if (plan_.stored == StoredLabels::kMask && !plan_.ignored) {
    plan_.words.push_back(
        fmt::format("where {} marks pixels that count nowhere, say --ignored {}", values.back(), values.back()));
  }
}

}  // namespace

StatusOr<LabelPlan> look_at_labels(const std::vector<const Hdf5Array*>& arrays, ImageShape image,
                                   const LabelOptions& options, ImportFaults& faults) {
  LabelPlan plan;
  const std::optional<StoredLabels> stored = stored_as(arrays, image, faults);
  if (!stored) return plan;
  plan.stored = *stored;
  RETURN_IF_ERROR(Look(arrays, options, plan, faults).run());
  return plan;
}

}  // namespace lockstep
