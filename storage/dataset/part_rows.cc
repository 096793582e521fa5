#include "storage/dataset/part_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

// The class of each row; 0 where rows are not of one class.
StatusOr<std::vector<std::int32_t>> classes_of(Dataset& rows) {
  std::vector<std::int32_t> classes;
  if (rows.info().target != TargetKind::kClass) {
    classes.resize(std::size_t(rows.info().rows));
    return classes;
  }
  classes.reserve(std::size_t(rows.info().rows));
  RETURN_IF_ERROR(for_each_target(rows, [&](std::span<const float> targets) {
    for (const float target : targets) classes.push_back(std::int32_t(target));
  }));
  return classes;
}

struct Drawn {
  std::int32_t in_class;
  std::uint64_t place;
  std::uint32_t row;
  auto operator<=>(const Drawn&) const = default;
};

// Class by class, the rows of each in the drawn order.
std::vector<Drawn> draw(std::span<const std::int32_t> classes, std::uint64_t key) {
  std::vector<Drawn> drawn(classes.size());
  for (std::size_t row = 0; row < classes.size(); ++row) {
    Philox random(key, Purpose::kHoldOut, 0, row);
    const std::uint64_t high = random.next();
    drawn[row] = {classes[row], high << 32 | random.next(), std::uint32_t(row)};
  }
  std::ranges::sort(drawn);
  return drawn;
}

// Whether the one at `i` is among the first rows of its class, which are `count` from `begin` on, that make up a share.
bool is_in_share(std::size_t i, std::size_t begin, std::size_t count, double share) {
  const auto wanted = std::size_t(std::llround(share * double(count)));
  return i - begin < std::min(wanted, count - 1);
}

}  // namespace

StatusOr<Parted> part_rows(Dataset& rows, const HeldOut& held_out) {
  if (rows.info().rows > std::int64_t(std::numeric_limits<std::uint32_t>::max())) {
    return bad_data(
        fmt::format("has {} rows: expected at most 2^32 to hold some out of; import the data with a validation split",
                    rows.info().rows));
  }
  ASSIGN_OR_RETURN(const std::vector<std::int32_t> classes, classes_of(rows));
  const std::vector<Drawn> drawn = draw(classes, held_out.key);
  Parted parted;
  for (std::size_t begin = 0, end; begin < drawn.size(); begin = end) {
    for (end = begin + 1; end < drawn.size() && drawn[end].in_class == drawn[begin].in_class;) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      const bool is_held = held_out.fold > 0 ? i % std::size_t(held_out.of) == std::size_t(held_out.fold - 1)
                                             : is_in_share(i, begin, end - begin, held_out.share);
      (is_held ? parted.held_out : parted.training).push_back(drawn[i].row);
    }
  }
  std::ranges::sort(parted.training);
  std::ranges::sort(parted.held_out);
  if (parted.training.empty() || parted.held_out.empty()) {
    return bad_data(fmt::format("has {} rows, too few to hold some out of them and train on others", drawn.size()));
  }
  return parted;
}

}  // namespace lockstep
