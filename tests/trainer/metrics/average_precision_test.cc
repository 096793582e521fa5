// Average precision against its definition, taken literally.
#include "trainer/metrics/average_precision.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

using ScoredRows = std::vector<ScoredRow>;

double of(ScoredRows rows) {
  return average_precision(rows);
}

// For every threshold: all rows that reach it.
double slow(const ScoredRows& rows) {
  std::set<float> thresholds;
  double positives = 0;
  for (const ScoredRow& row : rows) {
    thresholds.insert(row.score);
    positives += row.is_positive;
  }
  double sum = 0, recall_before = 0;
  for (auto threshold = thresholds.rbegin(); threshold != thresholds.rend(); ++threshold) {
    double taken = 0, right = 0;
    for (const ScoredRow& row : rows) {
      if (row.score < *threshold) continue;
      ++taken;
      right += row.is_positive;
    }
    sum += (right / positives - recall_before) * (right / taken);
    recall_before = right / positives;
  }
  return sum;
}

TEST(AveragePrecision, OfOrders) {
  EXPECT_DOUBLE_EQ(of({{3, true}, {2, true}, {1, false}}), 1);
  EXPECT_DOUBLE_EQ(of({{1, true}, {2, false}, {3, false}}), 1.0 / 3);
  EXPECT_DOUBLE_EQ(of({{1, true}, {2, false}, {3, true}}), 1.0 / 2 + 1.0 / 2 * 2 / 3);
  EXPECT_DOUBLE_EQ(of({{0, true}, {0, false}, {0, false}, {0, true}}), 0.5);  // all at one threshold
  EXPECT_TRUE(std::isnan(of({{1, false}})));
  EXPECT_TRUE(std::isnan(of({})));
  EXPECT_DOUBLE_EQ(of({{-INFINITY, true}, {0, true}}), 1);
}

TEST(AveragePrecision, IsItsDefinitionInAnyOrderOfRows) {
  std::mt19937 generator(7);
  for (int trial = 0; trial < 200; ++trial) {
    ScoredRows rows(1 + generator() % 60);
    const std::uint32_t scores = 1 + generator() % 40;  // few: many are equal
    for (ScoredRow& row : rows) row = {float(generator() % scores), generator() % 3 == 0};
    rows[0].is_positive = true;
    const double value = of(rows);
    EXPECT_NEAR(value, slow(rows), 1e-12);
    std::ranges::shuffle(rows, generator);
    EXPECT_EQ(of(rows), value);
  }
}

}  // namespace
}  // namespace lockstep
