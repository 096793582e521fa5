#include "trainer/data/class_order.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

// Keys of an epoch: `which` is 0 of the places, else one more than the class; `round` counts how often its rows have
// come.
std::array<std::uint32_t, 2> key_of(std::uint64_t seed, std::int64_t epoch, std::uint32_t which, std::int64_t round) {
  Philox key(seed, Purpose::kClassOrder, which, std::uint64_t(epoch) << 40 | std::uint64_t(round));
  const std::uint32_t first = key.next();
  return {first, key.next()};
}

}  // namespace

StatusOr<ClassRows> class_rows(Dataset& rows) {
  const DatasetInfo& info = rows.info();
  if (info.rows > std::int64_t(std::numeric_limits<std::uint32_t>::max())) {
    return bad_data(fmt::format("has {} rows: expected at most 2^32 to be drawn by class", info.rows));
  }
  ClassRows found;
  std::vector<std::int64_t> next(info.class_rows.size());  // where the next row of a class goes
  std::exclusive_scan(info.class_rows.begin(), info.class_rows.end(), next.begin(), std::int64_t{0});
  found.begins.push_back(0);
  for (const std::int64_t count : info.class_rows) {
    if (count > 0) found.begins.push_back(found.begins.back() + count);
  }
  found.rows.resize(std::size_t(info.rows));
  std::uint32_t row = 0;
  RETURN_IF_ERROR(for_each_target(rows, [&](std::span<const float> targets) {
    for (const float target : targets) found.rows[std::size_t(next[std::size_t(target)]++)] = row++;
  }));
  return found;
}

ClassOrder::ClassOrder(const ClassRows& rows, std::uint64_t seed, std::int64_t epoch, std::int64_t places)
    : rows_(rows), seed_(seed), epoch_(epoch), places_(key_of(seed, epoch, 0, 0), places) {}

std::int64_t ClassOrder::row(std::int64_t place) const {
  const std::int64_t dealt = places_(place);
  const std::int64_t of_class = dealt % rows_.classes(), nth = dealt / rows_.classes();
  const std::int64_t begin = rows_.begins[std::size_t(of_class)];
  const std::int64_t count = rows_.begins[std::size_t(of_class) + 1] - begin;
  const KeyedPermutation order(key_of(seed_, epoch_, std::uint32_t(of_class) + 1, nth / count), count);
  return rows_.rows[std::size_t(begin + order(nth % count))];
}

}  // namespace lockstep
