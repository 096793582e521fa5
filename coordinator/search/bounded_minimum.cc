#include "coordinator/search/bounded_minimum.h"

#include <cmath>
#include <utility>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr int kHalvings = 12;
constexpr double kLongestStep = 2;
constexpr double kSufficientDecrease = 1e-4;
constexpr double kSmallestGain = 1e-6;

// The direction of descent: -H g, where coordinates that a bound holds stay.
Eigen::VectorXd descent(const Eigen::MatrixXd& inverse_hessian, Eigen::VectorXd gradient, const Minimum& here,
                        const Eigen::VectorXd& low, const Eigen::VectorXd& high) {
  Eigen::VectorXd free = Eigen::VectorXd::Ones(gradient.size());
  for (Eigen::Index i = 0; i < gradient.size(); ++i) {
    if ((here.at[i] <= low[i] && gradient[i] > 0) || (here.at[i] >= high[i] && gradient[i] < 0)) free[i] = 0;
  }
  gradient = gradient.cwiseProduct(free);
  Eigen::VectorXd direction = -(inverse_hessian * gradient).cwiseProduct(free);
  if (direction.dot(gradient) >= 0) direction = -gradient;
  const double length = direction.cwiseAbs().maxCoeff();
  return length > kLongestStep ? direction * (kLongestStep / length) : direction;
}

void update(Eigen::MatrixXd& inverse_hessian, const Eigen::VectorXd& step, const Eigen::VectorXd& change) {
  const double curvature = step.dot(change);
  if (curvature <= 1e-12) return;
  const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(step.size(), step.size());
  const Eigen::MatrixXd left = identity - step * change.transpose() / curvature;
  inverse_hessian = (left * inverse_hessian * left.transpose() + step * step.transpose() / curvature).eval();
}

}  // namespace

Minimum bounded_minimum(const SmoothFunction& function, const Eigen::VectorXd& start, const Eigen::VectorXd& low,
                        const Eigen::VectorXd& high, int evaluations) {
  CHECK(evaluations >= 1 && start.size() == low.size() && start.size() == high.size());
  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(start.size());
  Minimum here{start.cwiseMax(low).cwiseMin(high), 0};
  here.value = function(here.at, gradient);
  --evaluations;
  Eigen::MatrixXd inverse_hessian = Eigen::MatrixXd::Identity(start.size(), start.size());
  while (evaluations > 0 && std::isfinite(here.value)) {
    Eigen::VectorXd step = descent(inverse_hessian, gradient, here, low, high);
    bool moved = false;
    for (int halving = 0; halving < kHalvings && evaluations > 0 && !moved; ++halving, step /= 2) {
      Minimum there{(here.at + step).cwiseMax(low).cwiseMin(high), 0};
      const Eigen::VectorXd way = there.at - here.at;
      if (way.cwiseAbs().maxCoeff() < 1e-9) return here;
      Eigen::VectorXd new_gradient = Eigen::VectorXd::Zero(start.size());
      there.value = function(there.at, new_gradient);
      --evaluations;
      // Not a number is not smaller.
      if (!(there.value <= here.value + kSufficientDecrease * gradient.dot(way))) continue;
      moved = true;
      update(inverse_hessian, way, new_gradient - gradient);
      const double gain = here.value - there.value;
      here = std::move(there);
      gradient = std::move(new_gradient);
      if (gain < kSmallestGain * (1 + std::abs(here.value))) return here;
    }
    if (!moved) return here;
  }
  return here;
}

}  // namespace lockstep
