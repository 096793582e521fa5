// A local minimum of a smooth function in a box: BFGS on the coordinates that are not held by a bound, with
// backtracking (Nocedal and Wright 2006, Numerical Optimization, algorithm 6.1 and section 16.7).
// Threads: functions are independent.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace lockstep {

// Value at a point; writes the gradient.
using SmoothFunction = std::function<double(const Eigen::VectorXd& at, Eigen::VectorXd& gradient)>;

struct Minimum {
  Eigen::VectorXd at;
  double value = 0;
};

// The best point found with at most so many evaluations (at least 1), from a start that is first put into the box.
// Where the function is not finite is as bad as can be. Requires: vectors of one size, low <= high.
Minimum bounded_minimum(const SmoothFunction& function, const Eigen::VectorXd& start, const Eigen::VectorXd& low,
                        const Eigen::VectorXd& high, int evaluations);

}  // namespace lockstep
