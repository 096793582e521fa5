// Sums one array over ranks in a fixed tree, in place: at distance 1, 2, 4, ... while that divides the number of ranks,
// then an odd rest from left to right. The tree depends on the number of ranks only, not on which of them share a host
// nor on how the array is cut into buckets.
//
// Ranks of one host share memory: of each bucket each sums a share over all of them. Between hosts each share goes by
// messages among the ranks of equal place (transfer_plan.h), several buckets at once. x + y == y + x bit for bit (but
// for the payload of a NaN), so it does not matter which of two partners adds.
//
// Nothing here waits but finish(): advance() does what can be done and returns. One sum after another: ready() and
// advance() any number of times, then finish().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/comm/bucket.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/transfer_plan.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// What a message between hosts holds. In bf16 both operands of every addition between hosts are rounded, and the whole
// sum once more; additions are in fp32. The bits then depend on which ranks share a host. kBf16 does so with the parted
// elements alone, kBf16Whole with all.
enum class Wire { kFp32, kBf16, kBf16Whole };

class RankTree {
 public:
  // `arrays`: of the ranks that share memory, in rank order, this rank's among them: the local ranks' shared arrays, or
  // only its own. `buckets` as make_buckets() cuts them. The first `rounded` elements are rounded in messages.
  // Collective over the local ranks.
  RankTree(Communicator& communicator, std::span<float* const> arrays, std::vector<Bucket> buckets,
           std::size_t rounded);

  // The first `buckets` buckets of this rank's array are complete. Never less than before.
  void ready(std::size_t buckets);
  // Whether anything could be done.
  bool advance();
  // Completes the sum. Everywhere: it is in this rank's array, which no other rank then touches. Otherwise only this
  // rank's shares of it are there (share(bucket)), and together the ranks that share memory have all. Collective.
  void finish(bool everywhere);

  std::span<const Bucket> buckets() const { return buckets_; }
  // The part of a bucket that this rank sums.
  Bucket share(const Bucket& bucket) const { return share_of(bucket, local_rank_); }
  // Copies elements [begin, end) from the ranks that sum them. Between local barriers: after all shares are there,
  // before one is written to again.
  void collect(std::size_t begin, std::size_t end) const;

  int local_size() const { return static_cast<int>(arrays_.size()); }
  // Spent in finish() until the arrays of this host's ranks were complete.
  double waiting_seconds() const { return waiting_seconds_; }

 private:
  // A bucket on its way between hosts.
  struct Lane {
    const TransferPlan* plan = nullptr;  // null: free
    std::size_t transfer = 0;
    float* share = nullptr;
    std::size_t rounded = 0;  // elements of the share, from its first
    bool packs = false;       // all are: messages are in bf16
    std::span<float> received;
    std::span<float> sent;  // packed; none where nothing is rounded

    // Those of [begin, begin + elements) of the share that are rounded.
    void round(std::size_t begin, std::size_t elements) const;
  };

  Bucket share_of(const Bucket& bucket, int local_rank) const;
  float* mine() const { return arrays_[static_cast<std::size_t>(local_rank_)]; }
  bool arrived(std::size_t buckets) const;
  void begin_bucket(std::size_t bucket);
  void begin_transfer(int lane);
  void end_transfer(Lane& lane) const;

  Communicator& communicator_;
  const int local_rank_;
  const int hosts_;
  const int host_;
  const std::size_t rounded_;
  std::vector<float*> arrays_;  // of the local ranks
  std::vector<float*> shares_;  // of the bucket that is being summed
  std::vector<Bucket> buckets_;
  std::vector<TransferPlan> plans_;       // by bucket
  std::span<std::byte* const> progress_;  // each local rank's count of complete buckets, of all sums since construction
  AlignedArray messages_;
  std::array<Lane, Communicator::kLanes> lanes_;
  std::uint64_t earlier_ = 0;  // buckets of finished sums
  std::size_t ready_ = 0;
  std::size_t begun_ = 0;
  std::size_t done_ = 0;
  bool everywhere_ = false;  // the local sum goes to all arrays
  double waiting_seconds_ = 0;
};

}  // namespace lockstep
