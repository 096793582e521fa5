#include "storage/dataset/class_map.h"

#include <algorithm>
#include <map>
#include <utility>

#include "storage/dataset/described_dataset.h"

namespace lockstep {
namespace {

constexpr std::int32_t kUnknown = -1;

bool only_numbers(std::span<const std::string> names) {
  return std::ranges::equal(names, numbered_class_names(names.size()));
}

bool has_twice(std::span<const std::string> names) {
  std::vector<std::string> sorted(names.begin(), names.end());
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) != sorted.end();
}

std::string some_of(std::span<const std::string> names) {
  constexpr std::size_t kMost = 10;
  return fmt::format("{}{}", fmt::join(names.first(std::min(names.size(), kMost)), ", "),
                     names.size() > kMost ? ", ..." : "");
}

}  // namespace

StatusOr<std::vector<std::int32_t>> map_classes(const DatasetInfo& info, std::span<const std::string> names,
                                                std::string_view owner) {
  const auto& mine = info.class_names;
  std::vector<std::int32_t> map(mine.size(), kUnknown);
  const auto by_number = [&] {
    for (std::size_t i = 0; i < std::min(map.size(), names.size()); ++i) map[i] = std::int32_t(i);
  };
  const auto first_unknown = [&] {
    std::size_t i = 0;
    while (i < map.size() && (map[i] != kUnknown || (i < info.class_rows.size() && info.class_rows[i] == 0))) ++i;
    return i;
  };
  if (std::ranges::equal(mine, names)) {
    by_number();
    return map;
  }
  if (info.target != TargetKind::kClass && info.target != TargetKind::kMask &&
      !std::ranges::is_permutation(mine, names)) {
    return bad_data(fmt::format("has {} {}, {}: expected the {} of {}, {}", mine.size(), target_nouns(info.target),
                                some_of(mine), names.size(), owner, some_of(names)));
  }
  std::map<std::string_view, std::int32_t> place;
  for (std::size_t i = 0; i < names.size(); ++i) place.emplace(names[i], std::int32_t(i));
  for (std::size_t i = 0; i < mine.size(); ++i) {
    if (const auto at = place.find(mine[i]); at != place.end()) map[i] = at->second;
  }
  const bool numbers = only_numbers(mine) || only_numbers(names);
  if (first_unknown() < map.size() && numbers) {
    std::ranges::fill(map, kUnknown);
    by_number();
  }
  const std::size_t unknown = first_unknown();
  if (unknown < map.size()) {
    return bad_data(numbers ? fmt::format("has label {}, but {} has {} classes, 0 to {}", unknown, owner, names.size(),
                                          names.size() - 1)
                            : fmt::format("has rows of class \"{}\" ({}), which {} does not have; give the classes of "
                                          "both the same names",
                                          mine[unknown], unknown, owner));
  }
  if (moves_classes(map) && (has_twice(mine) || has_twice(names))) {
    return bad_data(fmt::format("names its classes in another order than {}, and one name is there twice", owner));
  }
  return map;
}

bool moves_classes(std::span<const std::int32_t> map) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] != kUnknown && map[i] != std::int32_t(i)) return true;
  }
  return false;
}

std::unique_ptr<Dataset> with_classes(std::unique_ptr<Dataset> rows, std::span<const std::int32_t> map,
                                      std::vector<std::string> names) {
  DatasetInfo info = rows->info();
  info.class_names = std::move(names);
  info.class_rows.assign(info.class_rows.empty() ? 0 : info.class_names.size(), 0);
  if (moves_classes(map) && info.target != TargetKind::kLabels) info.zero_rows = info.zeros_at_end = 0;
  for (std::size_t i = 0; i < map.size() && !info.class_rows.empty(); ++i) {
    const std::int64_t count = rows->info().class_rows[i];
    if (count == 0) continue;
    CHECK(map[i] >= 0 && std::size_t(map[i]) < info.class_names.size(), "class {}", i);
    info.class_rows[std::size_t(map[i])] += count;
  }
  for (std::size_t i = 0; i < rows->info().target_mean.size(); ++i) {
    info.target_mean[std::size_t(map[i])] = rows->info().target_mean[i];
    info.target_deviation[std::size_t(map[i])] = rows->info().target_deviation[i];
    if (!info.units.empty()) info.units[std::size_t(map[i])] = rows->info().units[i];
  }
  return described_anew(std::move(rows), std::move(info), std::vector<std::int32_t>(map.begin(), map.end()));
}

}  // namespace lockstep
