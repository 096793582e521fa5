#include <algorithm>
#include <limits>

#include "coordinator/search/combinations.h"
#include "coordinator/search/searchers.h"

namespace lockstep {
namespace {

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

Combinations grid_of(const SearchSpace& space, int steps) {
  std::vector<std::vector<double>> along;
  std::vector<std::uint64_t> values;
  for (int d = 0; d < space.dimensions(); ++d) {
    along.push_back(points_along(space, d, steps));
    values.push_back(along.back().size());
  }
  return {space, std::move(values), [along = std::move(along)](int d, std::uint64_t value) { return along[d][value]; }};
}

}  // namespace

int grid_points(const proto::GridSearch& grid, const SearchSpace& space) {
  constexpr std::uint64_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(grid_of(space, grid.steps()).count(), kMost));
}

Suggestion suggest_grid(const proto::GridSearch& grid, const Inquiry& question) {
  const Combinations all = grid_of(question.space, grid.steps());
  const auto index = static_cast<std::uint64_t>(question.trial);
  CHECK(index < all.count(), "trial {} of a grid of {} points", index, all.count());
  return {question.space.at(all.at(index)),
          fmt::format("grid point {} of {}{}", question.trial + 1,
                      all.count() == Combinations::kMany ? "more than " : "", all.count())};
}

}  // namespace lockstep
