#include "coordinator/search/warp.h"

#include <cmath>

#include <gtest/gtest.h>

#include "coordinator/search/gaussian_process.h"

namespace lockstep {
namespace {

const std::vector<double> kValues = {0.1, 0.11, 0.15, 0.2, 0.3, 0.5, 0.5, 2};

TEST(Warp, KeepsTheOrder) {
  for (const int failed : {0, 1, 7}) {
    const Warp warp(kValues, failed);
    for (std::size_t i = 1; i < kValues.size(); ++i) {
      EXPECT_EQ(kValues[i - 1] < kValues[i], warp.at(i - 1) < warp.at(i)) << i;
      EXPECT_LE(warp.at(i - 1), warp.at(i)) << i;
    }
    EXPECT_EQ(failed > 0, warp.failed() > warp.at(7));
  }
}

TEST(Warp, HowBadTheWorseHalfIsDoesNotMatter) {
  std::vector<double> exploded = kValues;
  exploded[7] = 1e300;
  for (std::size_t i = 0; i < kValues.size(); ++i) EXPECT_EQ(Warp(exploded, 0).at(i), Warp(kValues, 0).at(i));
  // Among the better half distances stay, but for the logarithm's slope of at most 1.5.
  const Warp warp(exploded, 0);
  const double ratio = (warp.at(3) - warp.at(2)) / (warp.at(1) - warp.at(0));
  EXPECT_GT(ratio, 5 / 1.5);
  EXPECT_LE(ratio, 5);
}

TEST(Warp, HasMeanZeroAndDeviationOne) {
  const Warp warp(kValues, 2);
  double sum = 2 * warp.failed(), squares = 2 * warp.failed() * warp.failed();
  for (std::size_t i = 0; i < kValues.size(); ++i) {
    sum += warp.at(i);
    squares += warp.at(i) * warp.at(i);
  }
  EXPECT_NEAR(sum, 0, 1e-12);
  EXPECT_NEAR(squares / 10, 1, 1e-12);
}

TEST(Warp, GoesBack) {
  const Warp warp(kValues, 0);
  for (std::size_t i = 0; i < kValues.size(); ++i) EXPECT_NEAR(warp.back(warp.at(i)), kValues[i], 1e-12);
  EXPECT_LT(warp.back(warp.at(0) - 0.1), 0.1);
  EXPECT_EQ(warp.back(warp.at(7) + 1), 2);
}

TEST(Warp, OfEqualValuesIsFinite) {
  for (const std::vector<double>& values :
       {std::vector<double>{3}, {2, 2, 2}, {1, 1, 1, 5}, {-1e308, 1e308, 1e308}, {0, 1e-320}}) {
    for (const int failed : {0, 3}) {
      const Warp warp(values, failed);
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(std::isfinite(warp.at(i)));
      EXPECT_TRUE(std::isfinite(warp.failed()));
      EXPECT_FALSE(std::isnan(warp.back(0)));
    }
  }
}

TEST(GaussianProcess, GuessesDoNotShapeTheVariance) {
  const GaussianProcessShape shape{1, {0}};
  Eigen::MatrixXd points(5, 1);
  points << 0, 0.3, 0.6, 2, 2.5;
  Eigen::VectorXd values(5);
  values << 1, -1, 0.5, 0, 0;
  const Eigen::VectorXd hyperparameters = Eigen::VectorXd::Constant(2, std::log(0.1));
  const Eigen::MatrixXd far = Eigen::MatrixXd::Constant(1, 1, 100);
  const GaussianProcess measured(shape, points.topRows(3), values.head(3), 3, hyperparameters);
  const GaussianProcess guessed(shape, points, values, 3, hyperparameters);
  EXPECT_NEAR(guessed.at(far).deviation[0], measured.at(far).deviation[0], 1e-12);
  EXPECT_LT(guessed.at(points.bottomRows(1)).deviation[0], measured.at(points.bottomRows(1)).deviation[0] / 2);
}

}  // namespace
}  // namespace lockstep
