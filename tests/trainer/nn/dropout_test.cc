#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/dropout_factors.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

const NetworkOptions kOptions{.image = {16, 32, 32}, .seed = 7};

std::vector<double> factors(const std::string& layer, float rate, std::int64_t row, std::int64_t epoch,
                            const NetworkOptions& options = kOptions) {
  return dropout_factors(layer, rate, options, {row}, epoch, /*behind_convolution=*/false);
}

// Of n values n * rate are zero, with a standard deviation of sqrt(n * rate * (1 - rate)).
TEST(Dropout, DropsTheGivenShareAndScalesTheRest) {
  for (const float rate : {0.1F, 0.5F, 0.8F}) {
    const std::vector<double> values = factors("drop", rate, 3, 2);
    double zeros = 0;
    for (const double value : values) {
      zeros += value == 0 ? 1 : 0;
      EXPECT_TRUE(value == 0 || std::abs(value - 1 / (1 - double(rate))) < 1e-5) << value;
    }
    const double n = double(values.size());
    const double expected = n * double(rate);
    EXPECT_NEAR(zeros, expected, 4 * std::sqrt(expected * (1 - double(rate)))) << rate;
  }
}

TEST(Dropout, DropsNothingAtRateZero) {
  for (const double value : factors("drop", 0, 3, 2)) EXPECT_EQ(value, 1);
}

TEST(Dropout, TheSameKeyGivesTheSameMask) {
  EXPECT_EQ(factors("drop", 0.5F, 3, 2), factors("drop", 0.5F, 3, 2));
}

// Two independent masks of rate one half agree in half of the places.
void expect_independent(const std::vector<double>& a, const std::vector<double>& b) {
  double agree = 0;
  for (std::size_t i = 0; i < a.size(); ++i) agree += a[i] == b[i] ? 1 : 0;
  EXPECT_NEAR(agree / double(a.size()), 0.5, 4 * 0.5 / std::sqrt(double(a.size())));
}

TEST(Dropout, EveryPartOfTheKeyChangesTheMask) {
  const std::vector<double> mask = factors("drop", 0.5F, 3, 2);
  NetworkOptions other_seed = kOptions;
  other_seed.seed = 8;
  expect_independent(mask, factors("drop", 0.5F, 4, 2));
  expect_independent(mask, factors("drop", 0.5F, 3, 3));
  expect_independent(mask, factors("other", 0.5F, 3, 2));
  expect_independent(mask, factors("drop", 0.5F, 3, 2, other_seed));
  expect_independent(factors("drop", 0.5F, std::int64_t(1) << 33, 2), factors("drop", 0.5F, 0, 2));
}

TEST(Dropout, PositionsAreIndependent) {
  const std::vector<double> mask = factors("drop", 0.5F, 3, 2);
  for (const std::ptrdiff_t distance : {1, 2, 3, 4, 8, 16, 32, 1024}) {
    expect_independent({mask.begin(), mask.end() - distance}, {mask.begin() + distance, mask.end()});
  }
}

// Where a row stands in its slice, and how long the slice is, does not matter: the loss of a slice is that of its rows.
TEST(Dropout, TheMaskBelongsToTheRow) {
  NetworkOptions options{.image = {5, 4, 3}, .classes = 3, .slice_rows = 4, .seed = 7};
  const char* model =
      "layer { convolution { filters: 17 kernel: 3 padding: SAME } } layer { dropout {} }"
      "layer { dense { units: 3 } }";
  NetworkUnderTest four(model, options);
  four.randomize(1);
  options.slice_rows = 1;
  NetworkUnderTest one(model, options);
  one.set_parameters(four.parameters());

  Rows rows = random_rows(four.network->options(), 2);
  rows.indices = {90, 12, 7, 41};
  rows.epoch = 5;
  double sum = 0;
  for (std::size_t row = 0; row < 4; ++row) {
    const std::size_t pixels = options.image.elements();
    const Rows single{std::vector<float>(rows.images.begin() + std::ptrdiff_t(row * pixels),
                                         rows.images.begin() + std::ptrdiff_t((row + 1) * pixels)),
                      {rows.targets[row]},
                      {rows.indices[row]},
                      rows.epoch};
    sum += double(one.train(single, 1).loss_sum);
  }
  EXPECT_NEAR(four.train(rows, 1).loss_sum, sum, 1e-5);
  rows.indices[2] = 8;
  EXPECT_GT(std::abs(double(four.train(rows, 1).loss_sum) - sum), 1e-3);
}

TEST(Dropout, EvaluationDropsNothing) {
  const NetworkOptions options{.image = {5, 4, 3}, .classes = 3, .slice_rows = 2, .seed = 7};
  NetworkUnderTest with("layer { dropout { rate: 0.9 } } layer { name: 'head' dense { units: 3 } }", options);
  NetworkUnderTest without("layer { name: 'head' dense { units: 3 } }", options);
  with.randomize(1);
  without.set_parameters(with.parameters());
  const Rows rows = random_rows(options, 2);
  with.network->evaluate_slice(rows.slice(), 2);
  without.network->evaluate_slice(rows.slice(), 2);
  EXPECT_TRUE(std::ranges::equal(with.network->logits(), without.network->logits()));
}

}  // namespace
}  // namespace lockstep
