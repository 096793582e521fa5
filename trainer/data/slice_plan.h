// A SlicePlan says which rows the slices of one rank hold, in the order in which the rank needs them.
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "trainer/data/row_order.h"

namespace lockstep {

struct PlannedSlice {
  std::int64_t epoch = 0;
  int valid_rows = 0;  // the first so many rows count; the rest repeat the last one, to fill the slice
  // Of training: which slice it is.
  std::int64_t step = 0;
  int slice = 0;
  // Place of its first row in the epoch, where random changes are keyed by places; -1: by rows.
  std::int64_t first_place = -1;
};

class SlicePlan {
 public:
  virtual ~SlicePlan() = default;
  virtual std::int64_t slices() const = 0;  // how many there are
  // Requires: 0 <= index < slices(); out.size() == rows of a slice.
  virtual PlannedSlice rows(std::int64_t index, std::span<std::int64_t> out) = 0;
};

// Steps [first_step, last_step) of a training, `slices_per_rank` consecutive slices of each from first_slice on.
struct TrainingRange {
  std::int64_t first_step = 0;
  std::int64_t last_step = 0;
  int first_slice = 0;
  int slices_per_rank = 1;
};
std::unique_ptr<SlicePlan> plan_training(const RowOrder& order, const TrainingRange& range);

// All rows once, in file order: slice i of the split goes to rank i % size.
std::unique_ptr<SlicePlan> plan_evaluation(std::int64_t rows, int slice_rows, int rank, int size);

}  // namespace lockstep
