// A PartedUpdate divides what is done with a sum of gradients among the ranks that share memory: each has a part of the
// parted elements, [0, ReducerOptions::parted_elements) of the reducer's array, and what it makes of it lies where all
// can see it (shared_values). Without shared memory the part is everything.
//
// Calls, in each step: reducer.reduce_shares() and agree(); then each rank uses its part() of reducer.sum(); then
// done(). All are collective but part().
// Threads: one thread per object. A step allocates nothing.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/comm/gradient_reducer.h"
#include "trainer/comm/rank_tree.h"

namespace lockstep {

class PartedUpdate {
 public:
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  // Collective. Both outlive it.
  PartedUpdate(Communicator& communicator, GradientReducer& reducer);
  PartedUpdate(const PartedUpdate&) = delete;
  PartedUpdate& operator=(const PartedUpdate&) = delete;

  // One array for all ranks that share memory, zeroed; empty when this rank shares none. Collective.
  std::span<float> shared_values(std::size_t elements);
  std::span<double> shared_sums(std::size_t elements);

  // This rank's, one range a bucket, in no order; empty ranges are left out.
  std::span<const Range> part() const { return part_; }
  // Whether `mine` is true on every rank that shares memory; afterwards the elements that are not parted are in the
  // sum, too, and what the ranks wrote to shared arrays before is seen.
  bool agree(bool mine);
  // Every rank has used its part; the next slice may begin.
  void done();

  // Every rank exchanges its part of two arrays, one of its own and the shared one (or another of its own).
  void exchange(std::span<float> shared, std::span<float> own);

  // `values` has the parted elements of some other array; each rank gets the parts of the others. Between done() and
  // begin_slice().
  void complete(std::span<float> values);

 private:
  std::byte* shared_bytes(std::size_t bytes);

  Communicator& communicator_;
  const RankTree* const tree_;  // null: shares no memory
  const std::span<float> sum_;  // of the reducer
  const std::size_t parted_;
  const std::size_t local_rank_;
  std::span<std::byte* const> verdicts_;  // of the local ranks
  std::vector<Range> part_;
};

}  // namespace lockstep
