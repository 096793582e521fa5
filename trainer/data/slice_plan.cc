#include "trainer/data/slice_plan.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {
namespace {

class TrainingPlan final : public SlicePlan {
 public:
  TrainingPlan(const RowOrder& order, const TrainingRange& range) : order_(order), range_(range) {
    CHECK(range.first_step <= range.last_step && range.slices_per_rank > 0);
  }

  std::int64_t slices() const override { return (range_.last_step - range_.first_step) * range_.slices_per_rank; }

  PlannedSlice rows(std::int64_t index, std::span<std::int64_t> out) override {
    const std::int64_t step = range_.first_step + index / range_.slices_per_rank;
    const int slice = range_.first_slice + static_cast<int>(index % range_.slices_per_rank);
    order_.rows(step, slice, out);
    return {.epoch = step / order_.steps_per_epoch(),
            .valid_rows = static_cast<int>(out.size()),
            .step = step,
            .slice = slice,
            .first_place = order_.repeats_rows() ? order_.first_place(step, slice) : -1};
  }

 private:
  RowOrder order_;
  TrainingRange range_;
};

class EvaluationPlan final : public SlicePlan {
 public:
  EvaluationPlan(std::int64_t rows, int slice_rows, int rank, int size)
      : rows_(rows), slice_rows_(slice_rows), rank_(rank), size_(size) {}

  std::int64_t slices() const override {
    const std::int64_t all = (rows_ + slice_rows_ - 1) / slice_rows_;
    return all / size_ + (rank_ < all % size_ ? 1 : 0);
  }

  PlannedSlice rows(std::int64_t index, std::span<std::int64_t> out) override {
    const std::int64_t first = (index * size_ + rank_) * slice_rows_;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::min(first + static_cast<std::int64_t>(i), rows_ - 1);
    return {.epoch = 0, .valid_rows = static_cast<int>(std::min<std::int64_t>(slice_rows_, rows_ - first))};
  }

 private:
  std::int64_t rows_;
  int slice_rows_;
  int rank_;
  int size_;
};

}  // namespace

std::unique_ptr<SlicePlan> plan_training(const RowOrder& order, const TrainingRange& range) {
  return std::make_unique<TrainingPlan>(order, range);
}

std::unique_ptr<SlicePlan> plan_evaluation(std::int64_t rows, int slice_rows, int rank, int size) {
  return std::make_unique<EvaluationPlan>(rows, slice_rows, rank, size);
}

}  // namespace lockstep
