// Which rows are held out of training. Pure: a function of the targets and a key.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/dataset/dataset.h"
#include "storage/task/chosen_by.h"

namespace lockstep {

struct Parted {
  std::vector<std::uint32_t> training, held_out;  // row numbers, rising
};

// Where rows are of one class each, the draw is made in each class: a share takes the nearest number of its rows,
// though never all of them; parts differ by one row at most, in all and in each class. The parts of one key are
// disjoint and make up all rows. A row's place in the draw depends on key and row number alone. Errors: bad_data, when
// one of the two would have no rows, or rows are more than 2^32; those of Dataset::read_targets.
StatusOr<Parted> part_rows(Dataset& rows, const HeldOut& held_out);

}  // namespace lockstep
