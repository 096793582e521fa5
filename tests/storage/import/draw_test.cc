#include "storage/import/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lockstep {
namespace {

std::vector<Named> named(int rows, int strata, int rows_of_a_group = 0) {
  std::vector<Named> all;
  for (int i = 0; i < rows; ++i) {
    all.push_back({fmt::format("row {}", i), fmt::format("class {}", i % strata),
                   rows_of_a_group > 0 ? fmt::format("group {}", i / rows_of_a_group) : ""});
  }
  return all;
}

std::array<int, 3> counts(const std::vector<int>& splits) {
  std::array<int, 3> found{};
  for (const int split : splits) ++found.at(std::size_t(split));
  return found;
}

TEST(Draw, SharesOfEachStratum) {
  const std::vector<Named> rows = named(300, 3);
  const std::vector<int> splits = draw_splits(rows, {.validation = 0.1, .test = 0.25}, 7);
  std::map<std::string, std::vector<int>> by_stratum;
  for (std::size_t i = 0; i < rows.size(); ++i) by_stratum[rows[i].stratum].push_back(splits[i]);
  for (const auto& [name, some] : by_stratum) EXPECT_EQ(counts(some), (std::array{65, 10, 25})) << name;
  EXPECT_EQ(counts(draw_splits(rows, {}, 7)), (std::array{300, 0, 0}));
}

TEST(Draw, OfFewRowsOneIsForTraining) {
  for (const int rows : {1, 2, 3}) {
    const std::vector<int> splits = draw_splits(named(rows, 1), {.validation = 0.45, .test = 0.5}, 1);
    EXPECT_GE(counts(splits)[0], 1) << rows;
  }
}

TEST(Draw, GroupsAreNeverParted) {
  const std::vector<Named> rows = named(1000, 2, 7);
  const std::vector<int> splits = draw_splits(rows, {.validation = 0.2, .test = 0.2}, 3);
  std::map<std::string, int> of_group;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [at, is_new] = of_group.try_emplace(rows[i].group, splits[i]);
    EXPECT_EQ(at->second, splits[i]) << rows[i].group;
  }
  const auto [train, validation, test] = counts(splits);
  EXPECT_NEAR(validation, 200, 7);
  EXPECT_NEAR(test, 200, 7);
  // Negative control: rows that are alone part these groups.
  const std::vector<int> alone = draw_splits(named(1000, 2), {.validation = 0.2, .test = 0.2}, 3);
  int parted = 0;
  for (std::size_t i = 1; i < rows.size(); ++i)
    parted += rows[i].group == rows[i - 1].group && alone[i] != alone[i - 1];
  EXPECT_GT(parted, 100);
}

// The order in which rows are given does not matter, only their names and the key.
TEST(Draw, GoesByName) {
  std::vector<Named> rows = named(200, 4);
  const SplitShares shares{.validation = 0.1, .test = 0.1};
  const auto by_name = [&](std::uint64_t key) {
    std::map<std::string, std::pair<int, std::string>> found;  // split, and the name of who comes before
    const std::vector<int> splits = draw_splits(rows, shares, key);
    std::string before;
    for (const std::int64_t row : draw_order(rows, key)) {
      const std::string& name = rows[std::size_t(row)].name;
      found[name] = {splits[std::size_t(row)], before};
      before = name;
    }
    return found;
  };
  const auto first = by_name(5);
  EXPECT_EQ(first.size(), rows.size());
  std::ranges::reverse(rows);
  EXPECT_EQ(by_name(5), first);
  EXPECT_NE(by_name(6), first);
}

TEST(Draw, OrderIsAPermutationWithoutTrend) {
  const std::vector<std::int64_t> order = draw_order(named(10'000, 1), 1);
  std::vector<std::int64_t> sorted = order;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> all(order.size());
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
  double covariance = 0;  // of place and number; for a random order its deviation is n^2.5 / 12
  for (std::size_t i = 0; i < order.size(); ++i) covariance += (double(i) - 4999.5) * (double(order[i]) - 4999.5);
  EXPECT_LT(std::abs(covariance), 4 * std::pow(10'000, 2.5) / 12);
}

}  // namespace
}  // namespace lockstep
