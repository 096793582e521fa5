#include <algorithm>
#include <limits>

#include "coordinator/search/searchers.h"

namespace lockstep {
namespace {

// Numbers of points up to here are exact; larger ones stay at it.
constexpr std::uint64_t kMany = std::uint64_t(1) << 40;

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  return a > kMany / b ? kMany : a * b;
}
std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return std::min(a + b, kMany);
}

// Snapped coordinates of the points along one dimension, rising.
std::vector<double> points_along(const SearchSpace& space, int dimension, int steps) {
  std::vector<double> result;
  const proto::Parameter& parameter = space.parameter(dimension);
  const bool range = parameter.has_float_() || parameter.has_int_();
  if (!range || space.values(dimension) <= steps) {
    for (int i = 0; i < space.values(dimension); ++i) result.push_back(space.coordinate(dimension, i));
    return result;
  }
  for (int i = 0; i < steps; ++i) {
    const double point = space.snapped(dimension, steps == 1 ? 0.5 : double(i) / (steps - 1));
    if (result.empty() || result.back() != point) result.push_back(point);
  }
  return result;
}

// Conditions make trees of the parameters, each hanging on the one its condition names. The combinations of a tree
// are a sum over the points of its root of the product over the trees that hang on it and are active.
class Grid {
 public:
  Grid(const SearchSpace& space, int steps) : space_(space), of_tree_(space.dimensions(), 0) {
    for (int d = 0; d < space.dimensions(); ++d) along_.push_back(points_along(space, d, steps));
    std::vector<double> unit(space.dimensions(), 0.5);
    for (int d = space.dimensions() - 1; d >= 0; --d) {
      for (const double point : along_[d]) {
        unit[d] = point;
        std::uint64_t combinations = 1;
        for (int child = d + 1; child < space.dimensions(); ++child) {
          if (space.parent(child) == d && space.admits(child, unit))
            combinations = times(combinations, of_tree_[child]);
        }
        of_tree_[d] = plus(of_tree_[d], combinations);
      }
    }
  }

  std::uint64_t points() const { return completions(std::vector<double>(space_.dimensions(), 0.5), -1); }

  // Requires: index < points().
  Point at(std::uint64_t index) const {
    Point unit(space_.dimensions(), 0.5);
    for (int d = 0; d < space_.dimensions(); ++d) {
      if (!space_.has(unit, d)) continue;
      for (const double point : along_[d]) {
        unit[d] = point;
        const std::uint64_t behind = completions(unit, d);
        if (index < behind) break;
        index -= behind;
      }
    }
    return unit;
  }

 private:
  // Combinations that begin with the first coordinates of `unit`, up to `last`.
  std::uint64_t completions(const std::vector<double>& unit, int last) const {
    std::uint64_t result = 1;
    for (int d = last + 1; d < space_.dimensions(); ++d) {
      if (space_.parent(d) <= last && space_.has(unit, d)) result = times(result, of_tree_[d]);
    }
    return result;
  }

  const SearchSpace& space_;
  std::vector<std::vector<double>> along_;
  std::vector<std::uint64_t> of_tree_;
};

}  // namespace

int grid_points(const proto::GridSearch& grid, const SearchSpace& space) {
  constexpr std::uint64_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(Grid(space, grid.steps()).points(), kMost));
}

Suggestion suggest_grid(const proto::GridSearch& grid, const Question& question) {
  const Grid all(question.space, grid.steps());
  const auto index = static_cast<std::uint64_t>(question.trial);
  CHECK(index < all.points(), "trial {} of a grid of {} points", index, all.points());
  return {question.space.at(all.at(index)), fmt::format("grid point {} of {}{}", question.trial + 1,
                                                        all.points() == kMany ? "more than " : "", all.points())};
}

}  // namespace lockstep
