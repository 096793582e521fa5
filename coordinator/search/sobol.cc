#include <cmath>
#include <limits>

#include <boost/random/sobol.hpp>

#include "coordinator/search/searchers.h"

namespace lockstep {

std::vector<Point> sobol_points(int dimensions, int first, int count, const Point& shift) {
  CHECK(dimensions >= 1 && dimensions <= BOOST_RANDOM_SOBOL_MAX_DIMENSION, "{} dimensions", dimensions);
  boost::random::sobol engine(dimensions);
  engine.discard(static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(dimensions));
  std::vector<Point> result(count, Point(dimensions));
  for (Point& point : result) {
    for (int d = 0; d < dimensions; ++d) {
      const double shifted = static_cast<double>(engine() >> 11) * 0x1p-53 + shift[d];
      point[d] = shifted - std::floor(shifted);
    }
  }
  return result;
}

Suggestion suggest_sobol(const Inquiry& question) {
  const int dimensions = question.space.dimensions();
  const Point shift = Draws("search.sobol.shift", question.seed, 0).point(dimensions);
  const Point point = sobol_points(dimensions, question.trial, 1, shift).front();
  if (!question.tried(point)) return {question.space.at(point), fmt::format("Sobol point {}", question.trial)};
  const Suggestion random = suggest_random(question);
  return {random.assignments,
          fmt::format("Sobol point {} was tried before, so instead: {}", question.trial, random.reason)};
}

}  // namespace lockstep
