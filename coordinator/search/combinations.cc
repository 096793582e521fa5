#include "coordinator/search/combinations.h"

#include <algorithm>

namespace lockstep {
namespace {

constexpr std::uint64_t kMany = Combinations::kMany;

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMany / b ? kMany : a * b;
}
std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return std::min(a + b, kMany);
}

}  // namespace

Combinations::Combinations(const SearchSpace& space, std::vector<std::uint64_t> values,
                           std::function<double(int dimension, std::uint64_t value)> coordinate)
    : space_(space), values_(std::move(values)), coordinate_(std::move(coordinate)), of_tree_(values_) {
  std::vector<double> unit(space.dimensions(), 0.5);
  for (int d = space.dimensions() - 1; d >= 0; --d) {
    if (!space.categorical(d)) continue;  // nothing hangs on it
    of_tree_[d] = 0;
    for (std::uint64_t value = 0; value < values_[d]; ++value) {
      unit[d] = coordinate_(d, value);
      std::uint64_t combinations = 1;
      for (int child = d + 1; child < space.dimensions(); ++child) {
        if (space.parent(child) == d && space.admits(child, unit)) combinations = times(combinations, of_tree_[child]);
      }
      of_tree_[d] = plus(of_tree_[d], combinations);
    }
  }
  count_ = completions(std::vector<double>(space.dimensions(), 0.5), -1);
}

Combinations Combinations::all(const SearchSpace& space) {
  std::vector<std::uint64_t> values;
  for (int d = 0; d < space.dimensions(); ++d) {
    values.push_back(static_cast<std::uint64_t>(std::min(space.values(d), static_cast<double>(kMany))));
  }
  return {space, std::move(values),
          [&space](int d, std::uint64_t value) { return space.coordinate(d, static_cast<int>(value)); }};
}

Point Combinations::at(std::uint64_t index) const {
  CHECK(index < count_, "combination {} of {}", index, count_);
  Point unit(space_.dimensions(), 0.5);
  for (int d = 0; d < space_.dimensions(); ++d) {
    if (!space_.has(unit, d)) continue;
    if (!space_.categorical(d)) {
      const std::uint64_t behind = completions(unit, d);  // the same for each value
      unit[d] = coordinate_(d, index / behind);
      index %= behind;
      continue;
    }
    for (std::uint64_t value = 0; value < values_[d]; ++value) {
      unit[d] = coordinate_(d, value);
      const std::uint64_t behind = completions(unit, d);
      if (index < behind) break;
      index -= behind;
    }
  }
  return unit;
}

std::uint64_t Combinations::completions(const std::vector<double>& unit, int last) const {
  std::uint64_t result = 1;
  for (int d = last + 1; d < space_.dimensions(); ++d) {
    if (space_.parent(d) <= last && space_.has(unit, d)) result = times(result, of_tree_[d]);
  }
  return result;
}

}  // namespace lockstep
