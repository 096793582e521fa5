#include "coordinator/search/gaussian_process.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "coordinator/search/bounded_minimum.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kShortestLength = 0.03, kLongestLength = 20;
constexpr double kLeastNoise = 1e-8, kMostNoise = 1;
constexpr double kSmallestVariance = 1e-12;
constexpr int kEvaluations = 40;  // of a local search
// The lengths are expected to be about 1, within a factor of e or two: it keeps them sane while there are few points.
constexpr double kExpectedLogLength = -0.5, kSpreadOfLogLength = 1.5;

MatrixXd scaled_points(const GaussianProcessShape& shape, const MatrixXd& points, const VectorXd& hyperparameters) {
  MatrixXd result = points;
  for (Eigen::Index column = 0; column < points.cols(); ++column)
    result.col(column) *= std::exp(-hyperparameters[shape.dimension_of_column[column]]);
  return result;
}

// Distances between the rows of two matrices.
MatrixXd distances(const MatrixXd& a, const MatrixXd& b) {
  MatrixXd squares = -2 * a * b.transpose();
  squares.colwise() += a.rowwise().squaredNorm();
  squares.rowwise() += b.rowwise().squaredNorm().transpose();
  return squares.cwiseMax(0).cwiseSqrt();
}

MatrixXd kernel(const MatrixXd& distance) {
  const Eigen::ArrayXXd scaled = std::sqrt(5.0) * distance.array();
  return ((1 + scaled + scaled.square() / 3) * (-scaled).exp()).matrix();
}

// Adds the noise, and what else it takes until the matrix has a factor.
MatrixXd cholesky(MatrixXd matrix, double noise) {
  matrix.diagonal().array() += noise;
  for (double jitter = 1e-10; jitter < 1; jitter *= 10) {
    const Eigen::LLT<MatrixXd> factor(matrix);
    if (factor.info() == Eigen::Success) return factor.matrixL();
    matrix.diagonal().array() += jitter;
  }
  CHECK(false, "a kernel of {} points is not positive definite", matrix.rows());
}

VectorXd solve(const MatrixXd& factor, const VectorXd& right) {
  const VectorXd half = factor.triangularView<Eigen::Lower>().solve(right);
  return factor.triangularView<Eigen::Lower>().transpose().solve(half);
}

// Minus the logarithm of the likelihood, where the variance is the most likely one, and of the lengths' expectation.
double unlikelihood(const GaussianProcessShape& shape, const MatrixXd& points, const VectorXd& values,
                    const VectorXd& at, VectorXd& gradient) {
  const auto count = static_cast<double>(values.size());
  const double noise = std::exp(at[shape.dimensions]);
  const MatrixXd scaled = scaled_points(shape, points, at);
  const MatrixXd distance = distances(scaled, scaled);
  const MatrixXd factor = cholesky(kernel(distance), noise);
  const VectorXd weights = solve(factor, values);
  const double variance = std::max(values.dot(weights) / count, kSmallestVariance);
  const VectorXd unexpected = (at.head(shape.dimensions).array() - kExpectedLogLength) / kSpreadOfLogLength;
  const double result =
      count / 2 * std::log(variance) + factor.diagonal().array().log().sum() + unexpected.squaredNorm() / 2;

  // d/dp = 1/2 sum over (R^-1 - w w' / variance) * dR/dp, elementwise.
  MatrixXd outer = MatrixXd::Identity(values.size(), values.size());
  factor.triangularView<Eigen::Lower>().solveInPlace(outer);
  factor.triangularView<Eigen::Lower>().transpose().solveInPlace(outer);
  outer.noalias() -= weights * (weights.transpose() / variance);
  gradient[shape.dimensions] = noise / 2 * outer.trace();
  // dR/d(log length) = 5/3 (1 + sqrt5 r) exp(-sqrt5 r) times the square of the scaled distance along the dimension.
  const Eigen::ArrayXXd root = std::sqrt(5.0) * distance.array();
  const MatrixXd slope = (outer.array() * (1 + root) * (-root).exp() * (5.0 / 3)).matrix();
  const VectorXd sums = slope.rowwise().sum();
  const MatrixXd product = slope * scaled;
  gradient.head(shape.dimensions) = unexpected / kSpreadOfLogLength;
  for (Eigen::Index column = 0; column < scaled.cols(); ++column) {
    const VectorXd x = scaled.col(column);
    gradient[shape.dimension_of_column[column]] += x.cwiseAbs2().dot(sums) - x.dot(product.col(column));
  }
  return result;
}

}  // namespace

GaussianProcess::Hyperparameters GaussianProcess::most_likely(const GaussianProcessShape& shape, const MatrixXd& points,
                                                              const VectorXd& values) {
  CHECK(values.size() >= 1 && points.rows() == values.size(), "{} points", points.rows());
  VectorXd low = VectorXd::Constant(shape.dimensions + 1, std::log(kShortestLength));
  VectorXd high = VectorXd::Constant(shape.dimensions + 1, std::log(kLongestLength));
  low[shape.dimensions] = std::log(kLeastNoise);
  high[shape.dimensions] = std::log(kMostNoise);
  const auto function = [&](const VectorXd& at, VectorXd& gradient) {
    return unlikelihood(shape, points, values, at, gradient);
  };
  std::optional<Minimum> best;
  for (const auto& [length, noise] : {std::pair(0.5, 1e-4), std::pair(0.2, 1e-2), std::pair(1.5, 1e-6)}) {
    VectorXd start = VectorXd::Constant(shape.dimensions + 1, std::log(length));
    start[shape.dimensions] = std::log(noise);
    Minimum found = bounded_minimum(function, start, low, high, kEvaluations);
    if (!best.has_value() || found.value < best->value) best = std::move(found);
  }
  return best->at;
}

GaussianProcess::GaussianProcess(const GaussianProcessShape& shape, const MatrixXd& points, const VectorXd& values,
                                 Eigen::Index measured, const Hyperparameters& hyperparameters)
    : shape_(shape), hyperparameters_(hyperparameters), points_(scaled_points(shape, points, hyperparameters)) {
  factor_ = cholesky(kernel(distances(points_, points_)), std::exp(hyperparameters[shape.dimensions]));
  weights_ = solve(factor_, values);
  // The factor of the measurements alone is the first part of that of all.
  const VectorXd white =
      factor_.topLeftCorner(measured, measured).triangularView<Eigen::Lower>().solve(values.head(measured));
  variance_ = std::max(white.squaredNorm() / static_cast<double>(measured), kSmallestVariance);
}

GaussianProcess::Prediction GaussianProcess::at(const MatrixXd& points) const {
  MatrixXd between = kernel(distances(points_, scaled_points(shape_, points, hyperparameters_)));
  Prediction result;
  result.mean = between.transpose() * weights_;
  factor_.triangularView<Eigen::Lower>().solveInPlace(between);
  result.deviation = (variance_ * (1 - between.colwise().squaredNorm().array()).max(1e-12)).sqrt().matrix().transpose();
  return result;
}

}  // namespace lockstep
