#include "storage/dataset/contradictions.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "storage/dataset/class_map.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostClassesNamed = 10;
constexpr std::size_t kPixelsOfAnImage = 16;  // smaller ones have one value by chance
constexpr std::int64_t kMostChannels = 4;     // a first extent of 1, 3 or 4 is no height
constexpr int kLeastSide = 8;
// Where pixels of one scale lie, after normalization by statistics of the same scale; bytes taken for shares, or the
// reverse, are off by 255.
constexpr float kFarthestMean = 10, kLargestRatio = 10, kSmallestRatio = 1 / 30.0f;
// Pixels beside those of integers, which count as 0 to 1: resizing may overshoot.
constexpr float kLeastShare = -0.5f, kLargestShare = 1.5f;

void warn(const ExaminedSplit& split, std::string_view what, std::string_view message, Findings& findings) {
  findings.warnings.push_back(fmt::format("{}: {}/{} {}", split.file, split.group, what, message));
}
void refuse(const ExaminedSplit& split, std::string_view what, std::string_view message, Findings& findings) {
  findings.faults.push_back(fmt::format("{}: {}/{} {}", split.file, split.group, what, message));
}

void look_at_shape(const ExaminedSplit& split, Findings& findings) {
  const ImageShape& image = split.rows->info().image;
  const int larger = std::max(image.width, image.channels), smaller = std::min(image.width, image.channels);
  const bool few = image.height <= kMostChannels && image.height != 2;
  if (!few || smaller < kLeastSide || larger > 4 * smaller) return;
  warn(split, split.images,
       fmt::format("is read as images of height {}, width {} and {} channels, which look like channels first: expected "
                   "(rows, height, width, channels); transpose with (0, 2, 3, 1)",
                   image.height, image.width, image.channels),
       findings);
}

// Rows that were never written are all of one value, and so are their labels.
void look_at_unwritten_rows(const ExaminedSplit& split, Findings& findings) {
  const PixelSample& sample = split.sample;
  const bool large = split.rows->info().image.elements() >= kPixelsOfAnImage;
  if (large && (sample.flat_at_end >= 2 || sample.flat_rows >= std::max<std::int64_t>(2, sample.rows / 16))) {
    warn(split, split.images,
         fmt::format("has one value in all pixels of {} of the {} rows looked at, the first of them row {}: was every "
                     "row written?",
                     sample.flat_rows, sample.rows, rows_text(*split.rows, std::span(&sample.first_flat_row, 1))),
         findings);
  }
  const DatasetInfo& info = split.rows->info();
  const std::int64_t zeros = info.zeros_at_end;
  // Behind labels in order, such an end is a class of its own.
  const bool mixed = info.zero_rows > zeros;
  if (mixed && zeros >= std::max<std::int64_t>(32, info.rows / 8)) {
    warn(split, split.labels, fmt::format("is 0 in its last {} rows: was every label written?", zeros), findings);
  }
}

void look_for_empty_classes(const ExaminedSplit& split, Findings& findings) {
  const auto& names = split.rows->info().class_names;
  const auto& rows = split.rows->info().class_rows;
  const TargetKind target = split.rows->info().target;
  std::vector<std::string> empty;
  const auto count = std::count(rows.begin(), rows.end(), 0);
  for (std::size_t i = 0; i < rows.size() && empty.size() < kMostClassesNamed; ++i) {
    if (rows[i] > 0) continue;
    const std::string number = std::to_string(i);
    empty.push_back(names[i] == number ? number : fmt::format("{} (\"{}\")", number, names[i]));
  }
  if (count == 0) return;
  warn(split, split.labels,
       fmt::format("has no row of {} of its {} {}: {}{}{}", count, names.size(), target_nouns(target),
                   fmt::join(empty, ", "), std::size_t(count) > empty.size() ? ", ..." : "",
                   target == TargetKind::kClass ? "; are the classes numbered from 0, without holes?" : ""),
       findings);
}

void look_for_constant_numbers(const ExaminedSplit& split, Findings& findings) {
  const std::vector<std::string>& names = split.rows->info().constant_numbers;
  if (names.empty()) return;
  warn(split, split.labels,
       fmt::format("has the same number in all rows: {}; nothing is to be learned there", fmt::join(names, ", ")),
       findings);
}

void look_at_repeated_names(const ExaminedSplit& split, Findings& findings) {
  std::vector<std::string> names = split.rows->info().class_names;
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return;
  warn(split, split.labels,
       fmt::format("has two {} of the name \"{}\"", target_nouns(split.rows->info().target), *twice), findings);
}

bool is_the_same(std::span<const float> values) {
  return std::ranges::all_of(values, [&](float value) { return value == values[0]; });
}

// Mean and deviation over all channels. A channel that is the same everywhere is told with a deviation of 1: it has
// none.
std::pair<float, float> pooled(const PixelSample& sample) {
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < sample.mean.size(); ++i) {
    const double deviation = sample.deviation[i] == 1 ? 0 : sample.deviation[i];
    mean += sample.mean[i];
    squares += deviation * deviation + double(sample.mean[i]) * sample.mean[i];
  }
  const auto channels = double(sample.mean.size());
  mean /= channels;
  return {float(mean), float(std::sqrt(std::max(0.0, squares / channels - mean * mean)))};
}

// Pixels that are not of the scale of the mean and deviation which they are normalized by.
void look_at_normalization(const ExaminedSplit& split, std::string_view whose, std::span<const float> mean,
                           std::span<const float> deviation, Findings& findings) {
  const PixelSample& sample = split.sample;
  if (mean.size() != sample.mean.size() || sample.smallest == sample.largest) return;
  const auto look = [&](float pixel_mean, float pixel_deviation, std::size_t i, std::string_view channel) {
    const float distance = std::abs(pixel_mean - mean[i]) / deviation[i];
    const float ratio = pixel_deviation / deviation[i];
    if (distance <= kFarthestMean && ratio <= kLargestRatio && ratio >= kSmallestRatio) return true;
    warn(split, split.images,
         fmt::format("has pixels of mean {:.4g} and deviation {:.4g} ({}), but is normalized by the mean {:.4g} and "
                     "deviation {:.4g} of {}: are both of one scale?",
                     pixel_mean, pixel_deviation, channel, mean[i], deviation[i], whose),
         findings);
    return false;
  };
  // Many channels of one scale, as of texts, where some are hardly ever full: together.
  if (mean.size() > std::size_t(kMostChannels) && is_the_same(mean) && is_the_same(deviation)) {
    const auto [pooled_mean, pooled_deviation] = pooled(sample);
    look(pooled_mean, pooled_deviation, 0, "all channels");
    return;
  }
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (!look(sample.mean[i], sample.deviation[i], i, fmt::format("channel {}", i))) return;
  }
}

void look_at_pixel_types(const ExaminedSplit& split, const LearnedRows& learned, Findings& findings) {
  const PixelType type = split.rows->info().pixel_type;
  if (!learned.pixel_type) return;
  const bool floats = type == PixelType::kFloat32, learned_floats = *learned.pixel_type == PixelType::kFloat32;
  if (floats == learned_floats) return;
  const PixelType integers = floats ? *learned.pixel_type : type;
  const float smallest = floats ? split.sample.smallest : learned.smallest;
  const float largest = floats ? split.sample.largest : learned.largest;
  if (smallest >= kLeastShare && largest <= kLargestShare) return;
  refuse(split, split.images,
         fmt::format("has pixels of {}, while {} has {}: {} counts as value / {}, 0 to 1, float32 as it is, and "
                     "here that is {:.4g} to {:.4g}; give both one type and scale",
                     pixel_type_name(type), learned.name, pixel_type_name(*learned.pixel_type),
                     pixel_type_name(integers), full_scale(integers), smallest, largest),
         findings);
}

void look_at_classes(const ExaminedSplit& split, const LearnedRows& learned, Findings& findings) {
  const TargetKind target = split.rows->info().target;
  if (target != learned.target) {
    return refuse(
        split, split.labels,
        fmt::format("has {}, while {} has {}", target_text(target), learned.name, target_text(learned.target)),
        findings);
  }
  const auto map = map_classes(split.rows->info(), learned.class_names, learned.name);
  if (!map.ok()) return refuse(split, split.labels, std::string(map.status().message()), findings);
  const std::vector<std::string>& units = split.rows->info().units;
  for (std::size_t i = 0; i < units.size() && !learned.units.empty(); ++i) {
    const std::string& expected = learned.units[std::size_t((*map)[i])];
    if (units[i] == expected) continue;
    refuse(split, split.labels,
           fmt::format("has \"{}\" in {}: expected {}, the unit of {}", split.rows->info().class_names[i], units[i],
                       expected, learned.name),
           findings);
  }
  if (!moves_classes(*map)) return;
  warn(split, split.labels,
       fmt::format("numbers its {} otherwise than {}: its labels are mapped by name", target_nouns(target),
                   learned.name),
       findings);
}

std::string not_finite_text(const ExaminedSplit& split) {
  return fmt::format("has pixels that are not finite numbers in rows {}; mend or remove these rows",
                     rows_text(*split.rows, split.sample.not_finite));
}

void look_at_image_shape(const ExaminedSplit& split, const LearnedRows& learned, Findings& findings) {
  const auto text = [](const ImageShape& image) {
    return fmt::format("{} x {} x {}", image.height, image.width, image.channels);
  };
  const ImageShape& image = split.rows->info().image;
  if (image == learned.image) return;
  refuse(split, split.images,
         fmt::format("has images of {} (height, width, channels): expected {}, those of {}", text(image),
                     text(learned.image), learned.name),
         findings);
}

void look_at_learned(const ExaminedSplit& split, Findings& findings) {
  const DatasetInfo& info = split.rows->info();
  look_at_shape(split, findings);
  look_for_empty_classes(split, findings);
  look_at_repeated_names(split, findings);
  look_for_constant_numbers(split, findings);
  look_at_unwritten_rows(split, findings);
  look_at_normalization(split, "its attributes", info.mean, info.deviation, findings);
  // The step that meets such a row names it and ends.
  if (!split.sample.not_finite.empty()) warn(split, split.images, not_finite_text(split), findings);
}

void look_beside(const ExaminedSplit& split, const LearnedRows& learned, Findings& findings) {
  const std::size_t faults = findings.faults.size();
  look_at_image_shape(split, learned, findings);
  look_at_classes(split, learned, findings);
  look_at_pixel_types(split, learned, findings);
  if (!split.sample.not_finite.empty()) refuse(split, split.images, not_finite_text(split), findings);
  if (findings.faults.size() > faults) return;
  look_at_unwritten_rows(split, findings);
  look_at_normalization(split, learned.name, learned.mean, learned.deviation, findings);
}

}  // namespace

StatusOr<ExaminedSplit> examine_split(std::string file, std::string group, std::string images, std::string labels,
                                      Dataset& rows) {
  ASSIGN_OR_RETURN(PixelSample sample, sample_pixels(rows));
  return ExaminedSplit{std::move(file), std::move(group), std::move(images), std::move(labels),
                       &rows,           std::move(sample)};
}

Findings find_contradictions(std::span<const ExaminedSplit> splits) {
  CHECK(!splits.empty());
  Findings findings;
  look_at_learned(splits[0], findings);
  for (const ExaminedSplit& split : splits.subspan(1)) look_beside(split, learned_from(splits[0]), findings);
  return findings;
}

LearnedRows learned_from(const ExaminedSplit& split) {
  const DatasetInfo& info = split.rows->info();
  return {.name = "group " + split.group,
          .image = info.image,
          .target = info.target,
          .class_names = info.class_names,
          .units = info.units,
          .mean = info.mean,
          .deviation = info.deviation,
          .pixel_type = info.pixel_type,
          .smallest = split.sample.smallest,
          .largest = split.sample.largest};
}

Findings find_contradictions(const ExaminedSplit& split, const LearnedRows& learned) {
  Findings findings;
  look_beside(split, learned, findings);
  return findings;
}

Status fault_status(const Findings& findings) {
  if (findings.faults.empty()) return OkStatus();
  return bad_data(fmt::format("{}", fmt::join(findings.faults, "\n")));
}

}  // namespace lockstep
