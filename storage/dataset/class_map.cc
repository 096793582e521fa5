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

std::vector<bool> used_classes(std::size_t classes, std::span<const std::int32_t> labels) {
  std::vector<bool> used(classes, false);
  for (const std::int32_t label : labels) used[std::size_t(label)] = true;
  return used;
}

}  // namespace

StatusOr<std::vector<std::int32_t>> map_classes(const DatasetInfo& info, std::span<const std::int32_t> labels,
                                                std::span<const std::string> names, std::string_view owner) {
  const auto& mine = info.class_names;
  std::vector<std::int32_t> map(mine.size(), kUnknown);
  const std::vector<bool> used = used_classes(mine.size(), labels);
  const auto by_number = [&] {
    for (std::size_t i = 0; i < std::min(map.size(), names.size()); ++i) map[i] = std::int32_t(i);
  };
  const auto first_unknown = [&] {
    std::size_t i = 0;
    while (i < map.size() && (map[i] != kUnknown || !used[i])) ++i;
    return i;
  };
  if (std::ranges::equal(mine, names)) {
    by_number();
    return map;
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
  std::vector<std::int32_t> labels;
  labels.reserve(rows->labels().size());
  for (const std::int32_t label : rows->labels()) {
    labels.push_back(map[std::size_t(label)]);
    CHECK(labels.back() >= 0 && std::size_t(labels.back()) < info.class_names.size(), "label {}", label);
  }
  return described_anew(std::move(rows), std::move(info), std::move(labels));
}

}  // namespace lockstep
