#include "trainer/data/class_order.h"

#include <map>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "tests/storage/dataset/targets.h"
#include "trainer/data/row_order.h"

namespace lockstep {
namespace {

// 90 rows of class 0, 7 of class 2, 3 of class 3; class 1 has none.
std::vector<float> targets() {
  std::vector<float> classes(100, 0);
  for (const std::size_t row : {4, 14, 24, 34, 44, 54, 64}) classes[row] = 2;
  for (const std::size_t row : {5, 50, 99}) classes[row] = 3;
  return classes;
}

std::shared_ptr<const ClassRows> rows() {
  DatasetInfo info;
  info.image = {1, 1, 1};
  info.class_names = {"many", "none", "some", "few"};
  info.rows = 100;
  TargetCounter counter(TargetKind::kClass);
  counter.add(targets());
  counter.put(info);
  OnlyTargets dataset(info, targets());
  StatusOr<ClassRows> found = class_rows(dataset);
  EXPECT_TRUE(found.ok()) << found.status();
  return std::make_shared<const ClassRows>(*std::move(found));
}

TEST(ClassOrder, RowsStandByClass) {
  const auto found = rows();
  EXPECT_EQ(found->begins, (std::vector<std::int64_t>{0, 90, 97, 100}));
  EXPECT_EQ(found->rows[90], 4U);
  EXPECT_EQ(found->rows[99], 99U);
}

TEST(ClassOrder, EachClassComesAsOftenAndItsRowsInTurn) {
  const auto found = rows();
  const ClassOrder order(*found, 1, 0, 100);
  std::map<int, int> classes;
  std::map<std::int64_t, int> of_few;
  std::set<std::int64_t> of_many;
  for (std::int64_t place = 0; place < 100; ++place) {
    const std::int64_t row = order.row(place);
    const int label = int(targets()[std::size_t(row)]);
    ++classes[label];
    if (label == 3) ++of_few[row];
    if (label != 0) continue;
    EXPECT_TRUE(of_many.insert(row).second) << row << " comes twice, though there are enough";
  }
  EXPECT_EQ(classes.size(), 3U);
  for (const auto& [label, count] : classes) EXPECT_NEAR(count, 100 / 3.0, 1) << label;
  for (const auto& [row, count] : of_few) EXPECT_NEAR(count, 100 / 9.0, 1) << row;
}

TEST(ClassOrder, IsAFunctionOfSeedEpochAndPlace) {
  const auto found = rows();
  const auto all = [&](std::uint64_t seed, std::int64_t epoch) {
    std::vector<std::int64_t> order;
    for (std::int64_t place = 0; place < 100; ++place) order.push_back(ClassOrder(*found, seed, epoch, 100).row(place));
    return order;
  };
  EXPECT_EQ(all(1, 5), all(1, 5));
  EXPECT_NE(all(1, 5), all(1, 6));
  EXPECT_NE(all(1, 5), all(2, 5));
}

TEST(ClassOrder, SlicesOfABatchArePartsOfOneOrder) {
  RowOrder whole(1, 100, 10, 1, false, rows()), parts(1, 100, 10, 5, false, rows());
  EXPECT_TRUE(whole.repeats_rows());
  std::vector<std::int64_t> batch(10), slice(2);
  for (std::int64_t step : {0, 9, 10, 25}) {
    whole.rows(step, 0, batch);
    for (int i = 0; i < 5; ++i) {
      parts.rows(step, i, slice);
      EXPECT_EQ(slice[0], batch[std::size_t(2 * i)]);
      EXPECT_EQ(slice[1], batch[std::size_t(2 * i) + 1]);
    }
  }
  EXPECT_EQ(parts.first_place(25, 3), 56);
}

}  // namespace
}  // namespace lockstep
