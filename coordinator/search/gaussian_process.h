// Regression by a Gaussian process with a Matern 5/2 kernel and one length for each dimension (Rasmussen and Williams
// 2006, Gaussian Processes for Machine Learning, algorithm 2.1 and section 5.4.1).
//
// A dimension is one column of the points for a number, and one a choice for a categorical: 1/sqrt(2) in the column of
// the choice, else 0, so that two different choices are 1 apart. Values should have mean 0. The scale of the variance
// is not searched for: for given lengths and noise its most likely value is known.
// Threads: const members from any. The same arguments give the same bits.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace lockstep {

struct GaussianProcessShape {
  int dimensions = 0;
  std::vector<int> dimension_of_column;
};

class GaussianProcess {
 public:
  // Logarithms of a length for each dimension, then of the variance of the noise as part of that of the function.
  using Hyperparameters = Eigen::VectorXd;
  struct Prediction {
    Eigen::VectorXd mean;
    Eigen::VectorXd deviation;  // of the function, without noise
  };

  // The most likely hyperparameters, within bounds: the best of several local searches.
  // Requires: at least one point; a row of `points` for each value.
  static Hyperparameters most_likely(const GaussianProcessShape& shape, const Eigen::MatrixXd& points,
                                     const Eigen::VectorXd& values);

  // The first `measured` values are measurements; those behind them are guesses, which shape the mean and the deviation
  // at a point but not the scale of the variance. Requires: 1 <= measured <= values.size().
  GaussianProcess(const GaussianProcessShape& shape, const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                  Eigen::Index measured, const Hyperparameters& hyperparameters);

  Prediction at(const Eigen::MatrixXd& points) const;

 private:
  GaussianProcessShape shape_;
  Hyperparameters hyperparameters_;
  Eigen::MatrixXd points_;  // scaled by the lengths
  Eigen::MatrixXd factor_;  // Cholesky, lower
  Eigen::VectorXd weights_;
  double variance_ = 1;
};

}  // namespace lockstep
