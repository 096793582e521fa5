#include "coordinator/search/parzen.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep {
namespace {

constexpr double kSmallestWidth = 0.02;
constexpr double kLargestWidth = 0.5;
constexpr int kMostDraws = 100;

std::vector<bool> active_dimensions(const SearchSpace& space, const std::vector<double>& unit) {
  std::vector<bool> active(space.dimensions());
  for (int d = 0; d < space.dimensions(); ++d) active[d] = space.has(unit, d);
  return active;
}

double spread(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

double log_part_inside(double centre, double width) {
  const double scale = 1 / (width * std::numbers::sqrt2);
  return std::log((std::erf((1 - centre) * scale) + std::erf(centre * scale)) / 2);
}

}  // namespace

ParzenMixture::ParzenMixture(const SearchSpace& space, const std::vector<const Past*>& points)
    : space_(space), points_(points), log_inside_(points.size(), std::vector<double>(space.dimensions(), 0)) {
  for (const Past* point : points_) active_.push_back(active_dimensions(space, point->unit));
  for (int d = 0; d < space.dimensions(); ++d) {
    std::vector<double> values;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (active_[i][d]) values.push_back(points_[i]->unit[d]);
    }
    const auto count = static_cast<double>(std::max<std::size_t>(values.size(), 1));
    const double scott = values.empty() ? 1 : spread(values) * std::pow(count, -1.0 / (space.dimensions() + 4));
    const double least = std::max({kSmallestWidth, 1 / (count + 1) / 2, 1 / space.values(d)});
    width_.push_back(std::clamp(scott, std::min(least, kLargestWidth), kLargestWidth));
    if (space.categorical(d)) continue;
    for (std::size_t i = 0; i < points_.size(); ++i)
      log_inside_[i][d] = log_part_inside(points_[i]->unit[d], width_[d]);
  }
}

Point ParzenMixture::sample(Draws& draws) const {
  Point result = draws.point(space_.dimensions());
  const auto kernel = static_cast<std::size_t>(draws.below(static_cast<int>(points_.size()) + 1));
  if (kernel == points_.size()) return result;  // the prior
  for (int d = 0; d < space_.dimensions(); ++d) {
    if (active_[kernel][d]) result[d] = sample(draws, d, points_[kernel]->unit[d]);
  }
  return result;
}

double ParzenMixture::sample(Draws& draws, int dimension, double centre) const {
  if (space_.categorical(dimension)) {
    const double others = share_of_others(dimension) * space_.values(dimension);
    return draws.uniform() < others ? draws.uniform() : centre;
  }
  for (int draw = 0; draw < kMostDraws; ++draw) {
    const double value = centre + width_[dimension] * draws.normal();
    if (value >= 0 && value <= 1) return value;
  }
  return centre;
}

double ParzenMixture::share_of_others(int dimension) const {
  return 1 / (static_cast<double>(points_.size()) + 1 + space_.values(dimension));
}

double ParzenMixture::log_density(const std::vector<double>& unit) const {
  const std::vector<bool> active = active_dimensions(space_, unit);
  std::vector<double> logs(1, 0.0);  // the prior, then each kernel
  for (std::size_t i = 0; i < points_.size(); ++i) {
    double log_kernel = 0;
    for (int d = 0; d < space_.dimensions(); ++d) {
      if (!active[d] || !active_[i][d]) continue;
      if (space_.categorical(d)) {
        // Against the uniform density, which is 1 as that of a number is.
        const double others = share_of_others(d) * space_.values(d);
        log_kernel += std::log(unit[d] == points_[i]->unit[d] ? (1 - others) * space_.values(d) + others : others);
      } else {
        const double away = (unit[d] - points_[i]->unit[d]) / width_[d];
        log_kernel -= away * away / 2 + std::log(width_[d] * std::sqrt(2 * std::numbers::pi)) + log_inside_[i][d];
      }
    }
    logs.push_back(log_kernel);
  }
  const double largest = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - largest);
  return largest + std::log(sum / static_cast<double>(logs.size()));
}

}  // namespace lockstep
