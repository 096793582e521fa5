// Sums one array over ranks in a fixed tree, in place: at distance 1, 2, 4, ... while that divides the number of ranks,
// then an odd rest from left to right. The tree depends on the number of ranks only, not on which of them share a host.
//
// Ranks of one host share memory: each sums its share of the array over all of them and writes it to all. Between hosts
// each share goes by messages among the ranks of equal place: recursive halving, along the odd rest, recursive
// doubling. x + y == y + x bit for bit (but for the payload of a NaN), so it does not matter which of two partners
// adds.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// Arrays of RankTree are this long, for `elements` used ones: shares and halves of whole cache lines.
std::size_t padded_elements(std::size_t elements, int ranks);

// What a message between hosts holds. In bf16 every partial sum is rounded on its way, and the whole sum once more, on
// every rank alike; additions are in fp32. The bits then depend on which ranks share a host.
enum class Wire { kFp32, kBf16 };

class RankTree {
 public:
  // `arrays`: of the ranks that share memory, in rank order, this rank's among them: the local ranks' shared arrays, or
  // only its own. Each `elements` long, on 64 bytes. Requires: elements == padded_elements(..., communicator.size()).
  RankTree(Communicator& communicator, std::span<float* const> arrays, std::size_t elements, Wire wire);

  // Collective. Returns with the sum in this rank's array, which no other rank then touches until the next sum().
  void sum();

  // The same, but of the sum only this rank's part is there: elements [part_begin(), part_begin() + part_elements()) of
  // its own array. Each rank that shares memory has another part, and together they have all.
  void sum_part();
  std::size_t part_begin() const { return static_cast<std::size_t>(local_rank_) * share_elements_; }
  std::size_t part_elements() const { return share_elements_; }
  // Copies elements [begin, end) from the ranks that have them as their part. Between local barriers: after all parts
  // are there, before one is written to again.
  void collect(std::size_t begin, std::size_t end);

  int local_size() const { return local_size_; }
  // Spent in sum() until the arrays of this host's ranks were complete.
  double waiting_seconds() const { return waiting_seconds_; }

 private:
  void wait_for_arrays();
  void sum_over_hosts(float* values);
  void receive_and_add(int host, float* mine, std::size_t elements);
  void exchange_and_add(int host, const float* theirs, float* mine, std::size_t elements);
  void exchange_sums(int host, const float* mine, float* theirs, std::size_t elements);
  int rank_of(int host) const { return host * local_size_ + local_rank_; }

  Communicator& communicator_;
  const int local_size_;
  const int local_rank_;
  const int hosts_;
  const int host_;
  const std::size_t share_elements_;
  std::vector<float*> arrays_;  // of the local ranks
  std::vector<float*> shares_;  // this rank's share in each of them
  const Wire wire_;
  AlignedArray received_;
  AlignedArray sent_;  // bf16 only
  double waiting_seconds_ = 0;
};

}  // namespace lockstep
