#include "storage/import/draw.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

enum class Draw : std::uint32_t { kSplit = 0, kOrder = 1 };

// A place in the drawn order; the name decides where two have the same.
std::pair<std::uint64_t, std::string_view> place_of(std::string_view name, Draw draw, std::uint64_t key) {
  Philox random(key, Purpose::kImport, std::uint32_t(draw), key_of(name));
  const std::uint64_t high = random.next();
  return {high << 32 | random.next(), name};
}

struct Unit {  // a group, or a row that is alone
  std::string_view name;
  std::vector<std::size_t> rows;
};

// Takes units from the front until their rows are the nearest number to `wanted`, and puts their rows to `split`.
void take(std::vector<Unit>& units, double wanted, int split, std::vector<int>& splits) {
  double taken = 0;
  std::size_t count = 0;
  while (count < units.size() && units.size() - count > 1) {
    const auto size = double(units[count].rows.size());
    if (taken + size / 2 > wanted) break;
    for (const std::size_t row : units[count].rows) splits[row] = split;
    taken += size;
    ++count;
  }
  units.erase(units.begin(), units.begin() + std::ptrdiff_t(count));
}

void draw_stratum(std::vector<Unit> units, SplitShares shares, std::uint64_t key, std::vector<int>& splits) {
  std::ranges::sort(units, {}, [&](const Unit& unit) { return place_of(unit.name, Draw::kSplit, key); });
  std::size_t rows = 0;
  for (const Unit& unit : units) rows += unit.rows.size();
  take(units, shares.test * double(rows), 2, splits);
  take(units, shares.validation * double(rows), 1, splits);
}

}  // namespace

std::vector<int> draw_splits(const std::vector<Named>& rows, SplitShares shares, std::uint64_t key) {
  const bool grouped = std::ranges::any_of(rows, [](const Named& row) { return !row.group.empty(); });
  std::map<std::string_view, std::map<std::string_view, Unit>> strata;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string_view unit = rows[i].group.empty() ? rows[i].name : rows[i].group;
    Unit& in = strata[grouped ? std::string_view() : rows[i].stratum][unit];
    in.name = unit;
    in.rows.push_back(i);
  }
  std::vector<int> splits(rows.size(), 0);
  for (const auto& [name, units] : strata) {
    std::vector<Unit> list;
    for (const auto& [unit_name, unit] : units) list.push_back(unit);
    draw_stratum(std::move(list), shares, key, splits);
  }
  return splits;
}

std::vector<std::int64_t> draw_order(const std::vector<Named>& rows, std::uint64_t key) {
  std::vector<std::pair<std::pair<std::uint64_t, std::string_view>, std::int64_t>> places;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    places.emplace_back(place_of(rows[i].name, Draw::kOrder, key), std::int64_t(i));
  }
  std::ranges::sort(places);
  std::vector<std::int64_t> order;
  for (const auto& [place, row] : places) order.push_back(row);
  return order;
}

}  // namespace lockstep
