// What a row is to be. A loss and a metric fit one kind.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// A target is some float32, of which a row has so many:
enum class TargetKind {
  kClass,    // the index of its class: 1
  kLabels,   // for each label 1 if the row has it, else 0: as many as there are labels
  kNumbers,  // any finite number: as many as there are numbers
  kMask,     // for each pixel, line by line, the index of its class, or kIgnored: as many as there are pixels
};
inline constexpr TargetKind kTargetKinds[] = {TargetKind::kClass, TargetKind::kLabels, TargetKind::kNumbers,
                                              TargetKind::kMask};
// Of a pixel that counts nowhere.
inline constexpr float kIgnored = -1;

std::string_view target_name(TargetKind kind);  // "class", "labels", "numbers", "mask"
std::optional<TargetKind> target_of_name(std::string_view name);
std::string_view target_text(TargetKind kind);  // "one class a row", "several labels a row", "numbers", "masks"
// What a network gives one value each: "class", "label", "number"; of several "classes", "labels", "numbers".
std::string_view target_noun(TargetKind kind);
std::string_view target_nouns(TargetKind kind);

// Of one row. `names`: of classes, labels, numbers.
constexpr std::size_t target_values(TargetKind kind, std::size_t names, std::size_t pixels) {
  if (kind == TargetKind::kMask) return pixels;
  return kind == TargetKind::kClass ? 1 : names;
}
// Of a network: of masks (names, pixels), else one each.
constexpr std::size_t output_values(TargetKind kind, std::size_t names, std::size_t pixels) {
  return kind == TargetKind::kMask ? names * pixels : names;
}

// What a network is to give, and what its outputs mean.
struct Target {
  TargetKind kind = TargetKind::kClass;
  std::vector<std::string> names = {};  // of the classes, labels or numbers
  std::vector<std::string> units = {};  // of numbers; empty: not known
  std::vector<float> mean = {},
                     deviation = {};  // of numbers, over the training rows: a network gives (number - mean) / deviation
  std::size_t pixels = 1;             // of a mask
  int ignored = -1;                   // class whose rows count nowhere; -1: none

  std::size_t values() const { return target_values(kind, names.size(), pixels); }
  std::size_t outputs() const { return output_values(kind, names.size(), pixels); }
};

}  // namespace lockstep
