// A density over the unit cube from points of it: a mixture of one kernel around each point and the uniform prior.
//
// A kernel is a product over dimensions: a normal cut off at 0 and 1; for a categorical dimension the point's choice
// and a little of all others. The width follows the spread of the points (Scott 1992, Multivariate Density
// Estimation) and is at least a bin. A dimension that is not active counts for nothing, and one that is not active at
// a kernel's point is uniform in that kernel: so a conditional parameter is learnt from trials that had it.
// Threads: const members from any.
#pragma once

#include <vector>

#include "coordinator/search/history.h"

namespace lockstep {

class ParzenMixture {
 public:
  ParzenMixture(const SearchSpace& space, const std::vector<const Past*>& points);

  Point sample(Draws& draws) const;
  // Of snapped coordinates.
  double log_density(const std::vector<double>& unit) const;

 private:
  // What the other choices of a categorical dimension have in a kernel, each.
  double share_of_others(int dimension) const;
  double sample(Draws& draws, int dimension, double centre) const;

  const SearchSpace& space_;
  std::vector<const Past*> points_;
  std::vector<std::vector<bool>> active_;        // by point and dimension
  std::vector<double> width_;                    // of a kernel, by dimension
  std::vector<std::vector<double>> log_inside_;  // log of the part of a normal that lies in [0, 1]
};

}  // namespace lockstep
