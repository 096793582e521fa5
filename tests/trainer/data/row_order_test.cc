#include "trainer/data/row_order.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

std::vector<std::int64_t> rows_of_epoch(RowOrder& order, std::int64_t epoch, int slices, int slice_rows) {
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> slice(static_cast<std::size_t>(slice_rows));
  for (std::int64_t step = 0; step < order.steps_per_epoch(); ++step) {
    for (int s = 0; s < slices; ++s) {
      order.rows(epoch * order.steps_per_epoch() + step, s, slice);
      all.insert(all.end(), slice.begin(), slice.end());
    }
  }
  return all;
}

TEST(RowOrder, EveryRowOnceAnEpochWhenTheBatchDividesTheRows) {
  RowOrder order(7, 96, 8, 4, false);
  ASSERT_EQ(order.steps_per_epoch(), 12);
  for (std::int64_t epoch : {0, 1, 5}) {
    std::vector<std::int64_t> rows = rows_of_epoch(order, epoch, 4, 2);
    EXPECT_FALSE(std::is_sorted(rows.begin(), rows.end()));
    std::sort(rows.begin(), rows.end());
    std::vector<std::int64_t> expected(96);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(rows, expected) << "epoch " << epoch;
  }
}

TEST(RowOrder, IsAFunctionOfSeedEpochAndStepAlone) {
  RowOrder forward(7, 100, 10, 2, false);
  RowOrder jumping(7, 100, 10, 2, false);
  std::vector<std::int64_t> a(5);
  std::vector<std::int64_t> b(5);
  jumping.rows(42, 1, b);  // another epoch first
  for (std::int64_t step = 0; step < 30; ++step) forward.rows(step, 0, a);
  forward.rows(13, 1, a);
  jumping.rows(13, 1, b);
  EXPECT_EQ(a, b);
  RowOrder other_seed(8, 100, 10, 2, false);
  other_seed.rows(13, 1, b);
  EXPECT_NE(a, b);
  forward.rows(3, 1, b);  // the same place in another epoch
  EXPECT_NE(a, b);
}

TEST(RowOrder, SlicesOfABatchDoNotDependOnHowManyThereAre) {
  RowOrder two(3, 64, 16, 2, false);
  RowOrder eight(3, 64, 16, 8, false);
  EXPECT_EQ(rows_of_epoch(two, 1, 2, 8), rows_of_epoch(eight, 1, 8, 2));
}

TEST(RowOrder, DropLeavesTheTailOutAndWrapFillsIt) {
  RowOrder drop(1, 10, 4, 1, false);
  EXPECT_EQ(drop.steps_per_epoch(), 2);
  RowOrder wrap(1, 10, 4, 1, true);
  EXPECT_EQ(wrap.steps_per_epoch(), 3);
  const std::vector<std::int64_t> rows = rows_of_epoch(wrap, 0, 1, 4);
  ASSERT_EQ(rows.size(), 12U);
  EXPECT_EQ(rows[10], rows[0]);
  EXPECT_EQ(rows[11], rows[1]);
  std::vector<std::int64_t> first_ten(rows.begin(), rows.begin() + 10);
  std::sort(first_ten.begin(), first_ten.end());
  EXPECT_TRUE(std::adjacent_find(first_ten.begin(), first_ten.end()) == first_ten.end());
}

TEST(RowOrder, OfManyRowsTakesNoMemoryAndIsReachedAtOnce) {
  constexpr std::int64_t kRows = 1'000'000'007;
  RowOrder order(7, kRows, 64, 2, true);
  EXPECT_EQ(order.steps_per_epoch(), (kRows + 63) / 64);
  std::vector<std::int64_t> rows(32), again(32);
  std::set<std::int64_t> seen;
  for (std::int64_t step = 0; step < 1000; ++step) {
    for (int slice = 0; slice < 2; ++slice) {
      order.rows(step, slice, rows);
      for (const std::int64_t row : rows) {
        ASSERT_TRUE(row >= 0 && row < kRows);
        EXPECT_TRUE(seen.insert(row).second) << "row " << row << " twice";
      }
    }
  }
  // The last batch is filled with the first rows, and any step is reached without those before it.
  RowOrder jumping(7, kRows, 64, 2, true);
  const std::int64_t last = 5 * order.steps_per_epoch() - 1;
  jumping.rows(last, 1, rows);
  jumping.rows(4 * order.steps_per_epoch(), 1, again);
  EXPECT_EQ(rows[31], again[std::size_t(31 - kRows % 64)]);
  order.rows(last, 1, again);
  EXPECT_EQ(rows, again);
  RowOrder other_seed(8, kRows, 64, 2, true);
  other_seed.rows(last, 1, again);
  EXPECT_NE(rows, again);
}

TEST(RowOrder, AConstantOfTheFormatDividesTheTwoWays) {
  constexpr std::int64_t kMost = RowOrder::kMostKeptRows;
  EXPECT_EQ(kMost, 16'777'216);
  std::vector<std::int64_t> kept(4), keyed(4);
  RowOrder(1, kMost, 4, 1, false).rows(0, 0, kept);
  RowOrder(1, kMost + 1, 4, 1, false).rows(0, 0, keyed);
  EXPECT_NE(kept, keyed);
}

}  // namespace
}  // namespace lockstep
