// A GradientReducer sums one array over slices and ranks in a fixed balanced binary tree, so that the number of ranks
// does not change a bit of the result.
//
// Tree over S slices: halves while S is even, an odd rest from left to right. A rank holds S / P consecutive slices and
// adds them in that order (begin_slice, slice_done); reduce() then adds over ranks at distance 1, 2, 4, ... For P a
// power of two that divides S these are the same additions for every P. Any other P that divides S is deterministic,
// with other bits.
//
// Between ranks of one host: through shared memory, each rank sums its share of the array for all. Between hosts:
// recursive halving and doubling, which adds in the same tree. kMpiAllReduce is the slow twin.
//
// Backward finishes gradients from the back of the array to its front. final_from() tells how far it has come, and what
// is final is summed in buckets while backward goes on; neither their size nor their timing changes a bit.
//
// Requires: the same elements and options on every rank; size() divides slices.
// Threads: one thread per object. Allocates nothing after construction.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainer/comm/bucket.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/overlap_choice.h"
#include "trainer/comm/rank_tree.h"
#include "trainer/comm/slice_tree.h"
#include "trainer/tensor/aligned_array.h"
#include "trainer/tensor/sum_target.h"

namespace lockstep {

enum class ReductionMode { kTree, kMpiAllReduce };

enum class Overlap { kMeasured, kOn, kOff };

struct ReducerOptions {
  ReductionMode mode = ReductionMode::kTree;
  bool shared_memory = true;
  Wire wire = Wire::kFp32;
  int slices = 1;
  // The first elements of the array, gradients of parameters, which a PartedUpdate divides among the ranks of a host.
  // By default all.
  std::size_t parted_elements = SIZE_MAX;
  // A rank's share of them begins at a multiple of this, itself one of kLineElements.
  std::size_t share_unit = kLineElements;
  // 0: measured between hosts when the reducer is made; all at once in one host, where there is little to hide.
  std::size_t bucket_bytes = 0;
  Overlap overlap = Overlap::kMeasured;
};

// Seconds since construction.
struct ReductionTimes {
  double waiting_seconds = 0;  // in reduce(), for other ranks of this host to arrive
  double hidden_seconds = 0;   // sums were under way before reduce()
};

class GradientReducer {
 public:
  // What it will take in each rank, at most; of that, so much in memory that the ranks of a host share.
  struct Bytes {
    double all = 0;
    double shared = 0;
  };
  static Bytes bytes(const Communicator& communicator, std::size_t elements, const ReducerOptions& options);
  // Collective. An array of `elements`.
  GradientReducer(Communicator& communicator, std::size_t elements, const ReducerOptions& options);
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  // Where the array of this rank's next slice is to be put, whole. Call slice_done() after.
  SumTarget begin_slice();
  void slice_done();

  // While a slice is put: its parted elements from `offset` on are. In this rank's last slice they are final then:
  // begins and carries on sums; never waits. Need not be called.
  void final_from(std::size_t offset);

  // After all S / P slices: the sum over all slices of all ranks, the same bits on every rank, valid until the next
  // begin_slice(). Collective.
  std::span<float> reduce();

  // In place of reduce(): ranks that share memory have the sum together, each its shares of it (RankTree::share), to be
  // used as parted_update.h says: the next begin_slice() comes after PartedUpdate::done(). Collective.
  std::span<float> reduce_shares();
  // What either has returned.
  std::span<float> sum() { return {levels_[0], elements_}; }

  std::size_t parted_elements() const { return parted_; }
  // Null: this rank shares no memory.
  const RankTree* shared_tree() const { return rank_tree_ && rank_tree_->local_size() > 1 ? &*rank_tree_ : nullptr; }

  ReductionTimes times() const;

  // "halving and doubling over 4 ranks": for the log.
  std::string description() const;
  const OverlapChoice& overlap_choice() const { return choice_; }

 private:
  using Clock = std::chrono::steady_clock;

  float* own_array(std::size_t elements) { return arrays_.emplace_back(elements).data(); }
  bool last_slice() const { return slices_done_ + 1 == slice_tree_.slices(); }
  int hosts() const { return rank_tree_ ? communicator_.size() / rank_tree_->local_size() : 1; }
  bool overlaps() const;
  void share_memory(std::size_t elements, const ReducerOptions& options);
  void plant(std::span<float* const> local_arrays, std::size_t elements, const ReducerOptions& options);
  void finish(bool everywhere);
  void note_time();

  Communicator& communicator_;
  const std::size_t elements_;
  const std::size_t parted_;
  const SliceTree slice_tree_;
  const Overlap overlap_;
  std::vector<AlignedArray> arrays_;
  std::vector<float*> levels_;  // the stack of slice_tree_; the lowest is the array that is summed over ranks
  std::size_t height_ = 0;      // arrays on the stack; a slice that is added at once takes none of its own
  int slices_done_ = 0;
  std::optional<RankTree> rank_tree_;  // none: MPI_Allreduce
  OverlapChoice choice_;
  Clock::time_point last_slice_begun_;
  Clock::time_point first_sum_begun_;
  double hidden_seconds_ = 0;
};

}  // namespace lockstep
