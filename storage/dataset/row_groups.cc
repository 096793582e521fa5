#include "storage/dataset/row_groups.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace lockstep {
namespace {

// Of `rows` things the place of that which is shown as number `i` of `shown`: the middles of as many equal parts.
std::int64_t spread(std::int64_t rows, std::int64_t i, std::int64_t shown) {
  return std::int64_t((double(i) + 0.5) * double(rows) / double(shown));
}

// Takes the members of a group one after another and keeps those that are to be shown.
struct Picker {
  RowGroup* group;
  std::int64_t shown, seen = 0;

  void take(std::int64_t row) {
    const auto next = std::int64_t(group->shown.size());
    if (next < shown && seen == spread(group->rows, next, shown)) group->shown.push_back(row);
    ++seen;
  }
};

// Calls visit(i) for each group that the row belongs to, once. `last` is the one of the rows without a label.
template <typename Visit>
void for_each_group(TargetKind kind, std::span<const float> target, std::size_t last, std::vector<bool>& there,
                    const Visit& visit) {
  if (kind == TargetKind::kClass) return visit(std::size_t(target[0]));
  if (kind == TargetKind::kLabels) {
    bool any = false;
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (target[i] == 0) continue;
      any = true;
      visit(i);
    }
    if (!any) visit(last);
    return;
  }
  there.assign(last, false);
  for (const float value : target) {
    if (value != kIgnored) there[std::size_t(value)] = true;
  }
  for (std::size_t i = 0; i < last; ++i) {
    if (there[i]) visit(i);
  }
}

StatusOr<std::vector<RowGroup>> by_class(Dataset& dataset, int each) {
  const DatasetInfo& info = dataset.info();
  const std::size_t classes = info.class_names.size();
  std::vector<RowGroup> groups(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    groups[i].name = info.class_names[i];
    groups[i].number = std::int64_t(i);
    groups[i].rows = info.class_rows[i];
  }
  const bool has_bare = info.target == TargetKind::kLabels && info.zero_rows > 0;
  if (has_bare) {
    groups.emplace_back();
    groups.back().name = "(no label)";
    groups.back().rows = info.zero_rows;
  }
  std::vector<Picker> pickers;
  pickers.reserve(groups.size());
  for (RowGroup& group : groups) pickers.push_back({&group, std::min<std::int64_t>(group.rows, each)});
  const std::size_t values = info.target_values();
  std::vector<bool> there;
  std::int64_t row = 0;
  RETURN_IF_ERROR(for_each_target(dataset, [&](std::span<const float> targets) {
    for (std::size_t at = 0; at < targets.size(); at += values, ++row) {
      for_each_group(info.target, targets.subspan(at, values), classes, there,
                     [&](std::size_t i) { pickers[i].take(row); });
    }
  }));
  return groups;
}

StatusOr<std::vector<RowGroup>> by_tenths(Dataset& dataset, int each) {
  const DatasetInfo& info = dataset.info();
  const std::size_t values = info.target_values();
  std::vector<float> first;
  RETURN_IF_ERROR(for_each_target(dataset, [&](std::span<const float> targets) {
    for (std::size_t at = 0; at < targets.size(); at += values) first.push_back(targets[at]);
  }));
  std::vector<std::int64_t> order(first.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::int64_t row) { return std::pair(first[std::size_t(row)], row); });
  const std::string unit = info.units.empty() || info.units[0].empty() ? "" : " " + info.units[0];
  const auto rows = std::int64_t(order.size());
  constexpr std::int64_t kParts = 10;
  const std::int64_t parts = std::min(kParts, rows);
  std::vector<RowGroup> groups;
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::int64_t begin = i * rows / parts, end = (i + 1) * rows / parts;
    const auto value_at = [&](std::int64_t place) { return first[std::size_t(order[std::size_t(place)])]; };
    RowGroup group;
    group.name = fmt::format("{:.4g} to {:.4g}{}", value_at(begin), value_at(end - 1), unit);
    group.note = fmt::format("{}, {} to {} %", info.class_names[0], 100 * i / parts, 100 * (i + 1) / parts);
    group.rows = end - begin;
    const std::int64_t shown = std::min<std::int64_t>(group.rows, each);
    for (std::int64_t k = 0; k < shown; ++k) {
      group.shown.push_back(order[std::size_t(begin + spread(group.rows, k, shown))]);
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace

StatusOr<std::vector<RowGroup>> group_rows(Dataset& dataset, int each) {
  CHECK(each >= 1, "{}", each);
  return dataset.info().target == TargetKind::kNumbers ? by_tenths(dataset, each) : by_class(dataset, each);
}

}  // namespace lockstep
