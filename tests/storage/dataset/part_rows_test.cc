#include "storage/dataset/part_rows.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "storage/dataset/subset.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

constexpr std::int64_t kRows = 1003;

DatasetInfo info_of(TargetKind kind, std::vector<std::string> names, const std::vector<float>& targets) {
  DatasetInfo info;
  info.image = {1, 1, 1};
  info.target = kind;
  info.class_names = std::move(names);
  info.rows = std::int64_t(targets.size() / info.target_values());
  TargetCounter counter(kind, info.target_values());
  counter.add(targets);
  counter.put(info);
  return info;
}

// A class of 700 rows, one of 300, one of 3.
std::vector<float> classes() {
  std::vector<float> targets;
  for (std::int64_t row = 0; row < kRows; ++row)
    targets.push_back(row % 400 == 399 || row == 5 ? 2 : row % 10 < 7 ? 0 : 1);
  return targets;
}

std::unique_ptr<Dataset> rows() {
  return std::make_unique<OnlyTargets>(info_of(TargetKind::kClass, {"many", "some", "few"}, classes()), classes());
}

Parted part(const HeldOut& held_out) {
  StatusOr<Parted> parted = part_rows(*rows(), held_out);
  EXPECT_TRUE(parted.ok()) << parted.status();
  return parted.ok() ? *parted : Parted();
}

std::vector<std::int64_t> by_class(const std::vector<std::uint32_t>& numbers) {
  std::vector<std::int64_t> counts(3);
  for (const std::uint32_t row : numbers) ++counts[std::size_t(classes()[row])];
  return counts;
}

TEST(PartRows, AShareIsTakenInEachClassAndAllRowsAreInOnePart) {
  const Parted parted = part({.key = 7, .share = 0.2});
  EXPECT_TRUE(std::ranges::is_sorted(parted.training) && std::ranges::is_sorted(parted.held_out));
  std::set<std::uint32_t> all(parted.training.begin(), parted.training.end());
  all.insert(parted.held_out.begin(), parted.held_out.end());
  EXPECT_EQ(all.size(), std::size_t(kRows));
  EXPECT_EQ(parted.training.size() + parted.held_out.size(), std::size_t(kRows));
  const std::vector<std::int64_t> whole = (*rows()).info().class_rows, held = by_class(parted.held_out);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(held[i], std::llround(0.2 * double(whole[i]))) << i;
}

TEST(PartRows, NeverAllOfAClass) {
  const Parted parted = part({.share = 0.99});
  for (const std::int64_t rows_left : by_class(parted.training)) EXPECT_GE(rows_left, 1);
}

TEST(PartRows, TheKeyDrawsAndARowsPlaceDoesNotDependOnTheOthersShare) {
  const Parted a = part({.key = 1, .share = 0.1}), again = part({.key = 1, .share = 0.1});
  EXPECT_EQ(a.held_out, again.held_out);
  EXPECT_NE(a.held_out, part({.key = 2, .share = 0.1}).held_out);
  const Parted more = part({.key = 1, .share = 0.3});
  EXPECT_TRUE(std::ranges::includes(more.held_out, a.held_out));
}

TEST(PartRows, TheFoldsOfAKeyAreDisjointAndMakeUpAllRows) {
  std::set<std::uint32_t> all;
  std::size_t count = 0;
  for (int fold = 1; fold <= 5; ++fold) {
    const Parted parted = part({.key = 3, .fold = fold, .of = 5});
    EXPECT_NEAR(double(parted.held_out.size()), kRows / 5.0, 1);
    const std::vector<std::int64_t> whole = (*rows()).info().class_rows, held = by_class(parted.held_out);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(double(held[i]), double(whole[i]) / 5, 1) << fold << " " << i;
    all.insert(parted.held_out.begin(), parted.held_out.end());
    count += parted.held_out.size();
  }
  EXPECT_EQ(count, std::size_t(kRows));
  EXPECT_EQ(all.size(), std::size_t(kRows));
}

TEST(PartRows, RowsWithoutOneClassAreDrawnFromAll) {
  std::vector<float> numbers(200);
  std::iota(numbers.begin(), numbers.end(), 0.F);
  OnlyTargets of_numbers(info_of(TargetKind::kNumbers, {"n"}, numbers), numbers);
  const StatusOr<Parted> parted = part_rows(of_numbers, {.share = 0.25});
  ASSERT_TRUE(parted.ok()) << parted.status();
  EXPECT_EQ(parted->held_out.size(), 50U);
}

TEST(PartRows, TooFewRowsAreRefused) {
  OnlyTargets one(info_of(TargetKind::kClass, {"a"}, {0}), {0});
  EXPECT_EQ(exit_code(part_rows(one, {.share = 0.5}).status()), 3);
  OnlyTargets three(info_of(TargetKind::kClass, {"a"}, {0, 0, 0}), {0, 0, 0});
  EXPECT_EQ(exit_code(part_rows(three, {.fold = 4, .of = 4}).status()), 3);
}

TEST(Subset, IsCountedAnewAndKnowsWhereItsRowsAre) {
  const StatusOr<std::unique_ptr<Dataset>> some = subset(rows(), {5, 7, 399, 0});
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ((*some)->info().rows, 4);
  EXPECT_EQ((*some)->info().class_rows, (std::vector<std::int64_t>{1, 1, 2}));
  EXPECT_EQ(all_targets(**some), (std::vector<float>{2, 1, 2, 0}));
  EXPECT_EQ((*some)->stored_row(2), 399);
  const std::vector<std::int64_t> two = {1, 2};
  EXPECT_EQ(rows_text(**some, two), "7, 399");
  EXPECT_NE((*some)->info().fingerprint, (*subset(rows(), {5, 7, 399, 8}))->info().fingerprint);
}

TEST(Subset, NumbersHaveTheirOwnMean) {
  OnlyTargets all(info_of(TargetKind::kNumbers, {"n"}, {1, 3, 100}), {1, 3, 100});
  const auto some = subset(std::make_unique<OnlyTargets>(all), {0, 1});
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ((*some)->info().target_mean, std::vector<float>{2});
  EXPECT_EQ((*some)->info().target_deviation, std::vector<float>{1});
}

}  // namespace
}  // namespace lockstep
