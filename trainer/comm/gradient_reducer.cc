#include "trainer/comm/gradient_reducer.h"

#include <algorithm>
#include <optional>

#include "storage/base/status.h"
#include "trainer/comm/array_sum.h"
#include "trainer/comm/slice_tree.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

int slices_of_a_rank(int slices, int ranks) {
  CHECK(slices > 0 && slices % ranks == 0, "{} slices on {} ranks", slices, ranks);
  return slices / ranks;
}

class FoldingReducer final : public GradientReducer {
 public:
  FoldingReducer(Communicator& communicator, std::size_t elements, const ReducerOptions& options)
      : communicator_(communicator),
        elements_(elements),
        slice_tree_(slices_of_a_rank(options.slices, communicator.size())) {
    const std::size_t padded = padded_elements(elements, communicator.size());
    if (options.mode == ReductionMode::kTree && options.shared_memory && communicator.local_size() > 1) {
      share_memory(padded, options.wire);
    } else {
      levels_.push_back(own_array(padded));
      if (options.mode == ReductionMode::kTree) rank_tree_.emplace(communicator, levels_, padded, options.wire);
    }
    while (levels_.size() < static_cast<std::size_t>(slice_tree_.depth())) levels_.push_back(own_array(padded));
  }

  SumTarget begin_slice() override {
    CHECK(slices_done_ < slice_tree_.slices(), "all {} slices are done", slices_done_);
    const auto additions = static_cast<std::size_t>(slice_tree_.additions_after(slices_done_));
    const std::span<float* const> levels = levels_;
    if (additions == 0) return {.arrays = levels.subspan(height_, 1), .elements = elements_, .add = false};
    return {.arrays = levels.subspan(height_ - additions, additions), .elements = elements_, .add = true};
  }
  void slice_done() override {
    height_ = height_ + 1 - static_cast<std::size_t>(slice_tree_.additions_after(slices_done_));
    ++slices_done_;
  }
  std::span<float> reduce() override {
    CHECK(slices_done_ == slice_tree_.slices(), "{} of {} slices are done", slices_done_, slice_tree_.slices());
    if (rank_tree_) {
      rank_tree_->sum();
    } else {
      communicator_.library_all_reduce({levels_[0], elements_});
    }
    height_ = 0;
    slices_done_ = 0;
    return {levels_[0], elements_};
  }
  Part reduce_part(std::size_t split) override {
    split_ = split;
    if (!shares()) {
      reduce();
    } else {
      CHECK(slices_done_ == slice_tree_.slices(), "{} of {} slices are done", slices_done_, slice_tree_.slices());
      rank_tree_->sum_part();
      height_ = 0;
      slices_done_ = 0;
    }
    return part(split);
  }
  Part part(std::size_t split) const override {
    if (!shares()) return {0, split};
    const std::size_t begin = std::min(split, rank_tree_->part_begin());
    return {begin, std::min(split, begin + rank_tree_->part_elements())};
  }
  std::span<float> sum() override { return {levels_[0], elements_}; }
  bool agree(bool mine) override {
    if (!shares()) return mine;
    *verdicts_[local_rank()] = mine ? std::byte{1} : std::byte{0};
    communicator_.local_barrier();
    rank_tree_->collect(split_, elements_);
    return std::all_of(verdicts_.begin(), verdicts_.end(), [](const std::byte* it) { return *it == std::byte{1}; });
  }
  void part_done() override {
    if (shares()) communicator_.local_barrier();
  }
  std::span<float> shared_values(std::size_t elements) override {
    if (!shares()) return {};
    const std::size_t bytes = local_rank() == 0 ? elements * sizeof(float) : 0;
    return {reinterpret_cast<float*>(communicator_.allocate_shared(bytes)[0]), elements};
  }
  void complete(std::span<float> values) override {
    if (!shares()) return;
    const Part mine = part(values.size());
    std::copy(values.begin() + std::ptrdiff_t(mine.begin), values.begin() + std::ptrdiff_t(mine.end),
              levels_[0] + mine.begin);
    communicator_.local_barrier();
    rank_tree_->collect(0, values.size());
    std::copy_n(levels_[0], values.size(), values.begin());
    communicator_.local_barrier();
  }
  ReductionTimes times() const override {
    return {.waiting_seconds = rank_tree_ ? rank_tree_->waiting_seconds() : 0, .hidden_seconds = 0};
  }
  std::string description() const override;

 private:
  float* own_array(std::size_t elements) { return arrays_.emplace_back(elements).data(); }
  bool shares() const { return rank_tree_ && rank_tree_->local_size() > 1; }
  std::size_t local_rank() const {
    return static_cast<std::size_t>(communicator_.rank() - communicator_.first_local());
  }
  void share_memory(std::size_t elements, Wire wire) {
    std::vector<float*> local_arrays;
    for (std::byte* const bytes : communicator_.allocate_shared(elements * sizeof(float))) {
      local_arrays.push_back(reinterpret_cast<float*>(bytes));
    }
    levels_.push_back(local_arrays[local_rank()]);
    verdicts_ = communicator_.allocate_shared(1);
    rank_tree_.emplace(communicator_, local_arrays, elements, wire);
  }

  Communicator& communicator_;
  const std::size_t elements_;
  const SliceTree slice_tree_;
  std::vector<AlignedArray> arrays_;
  std::vector<float*> levels_;  // the stack of slice_tree_; the lowest is the array that is summed over ranks
  std::size_t height_ = 0;      // arrays on the stack; a slice that is added at once takes none of its own
  int slices_done_ = 0;
  std::size_t split_ = 0;
  std::span<std::byte* const> verdicts_;  // of the local ranks
  std::optional<RankTree> rank_tree_;     // none: MPI_Allreduce
};

std::string FoldingReducer::description() const {
  const int ranks = communicator_.size();
  if (ranks == 1) return "one rank";
  if (!rank_tree_) return fmt::format("MPI_Allreduce over {} ranks", ranks);
  const int local = rank_tree_->local_size();
  const std::string note = (ranks & (ranks - 1)) == 0 ? "" : ", not a power of two: other bits than with 1, 2, 4 ranks";
  if (local == 1) return fmt::format("halving and doubling over {} ranks{}", ranks, note);
  if (local == ranks) return fmt::format("shared memory over {} ranks{}", ranks, note);
  return fmt::format("shared memory over {} ranks a host, halving and doubling over {} hosts{}", local, ranks / local,
                     note);
}

}  // namespace

std::unique_ptr<GradientReducer> GradientReducer::make(Communicator& communicator, std::size_t elements,
                                                       const ReducerOptions& options) {
  return std::make_unique<FoldingReducer>(communicator, elements, options);
}

}  // namespace lockstep
