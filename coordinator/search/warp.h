// Values of trials as a Gaussian process learns them: so that one of 1e5 among many near 1 does not make all others
// equal (the half-rank and logarithmic warpings of Song et al. 2024, The Vizier Gaussian Process Bandit Algorithm,
// arXiv:2408.11527, section 3.3).
//
// What is not worse than the median keeps its distances. A worse value gets the place that its rank would have in the
// lower half of a normal distribution, whose deviation is that of the better half from the median. A trial that failed
// ranks as worse than all values. Then a logarithm spreads what is near the best, and all is shifted and scaled to mean
// 0 and deviation 1. The order stays.
// Threads: const members from any.
#pragma once

#include <vector>

namespace lockstep {

class Warp {
 public:
  // Of the values of all trials that are done, rising, and so many that failed. Requires: at least one value; finite.
  Warp(const std::vector<double>& rising, int failed);

  // Of value number `index`; of a failed trial.
  double at(std::size_t index) const { return warped_[index]; }
  double failed() const { return failed_; }
  // The value that would be warped to this, between those that were.
  double back(double warped) const;

 private:
  void rank_worse_half(int failed);
  void spread_best();
  void standardize(int failed);

  std::vector<double> values_;
  std::vector<double> warped_;
  double failed_ = 0;
};

}  // namespace lockstep
