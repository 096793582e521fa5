// Which rows a slice of a step holds: a function of (seed, epoch), never of what was read before, so that any step can
// be reached without replaying the ones before it. Up to kMostKeptRows rows the permutation of an epoch is in memory, 4
// bytes a row; of more it is a function that takes none (keyed_permutation.h).
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "trainer/data/class_order.h"
#include "trainer/data/keyed_permutation.h"

namespace lockstep {

class RowOrder {
 public:
  // wrap: the last batch of an epoch is filled with the epoch's first rows; otherwise the tail is left out.
  // Requires: rows >= batch, or wrap; batch divisible by slices.
  // kMostKeptRows decides the order of rows: it never changes.
  static constexpr std::int64_t kMostKeptRows = std::int64_t{1} << 24;
  // `by_class`: an epoch has the same number of rows of each of these classes (class_order.h); null: each row once.
  RowOrder(std::uint64_t seed, std::int64_t rows, int batch, int slices, bool wrap,
           std::shared_ptr<const ClassRows> by_class = nullptr);

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  // Rows of one slice of a step, counted over all epochs from 0. Requires: out.size() == batch / slices.
  void rows(std::int64_t step, int slice, std::span<std::int64_t> out);
  // Whether a row may come twice in an epoch.
  bool repeats_rows() const { return by_class_ != nullptr; }
  // Of the first row of a slice, in its epoch.
  std::int64_t first_place(std::int64_t step, int slice) const {
    return (step % steps_per_epoch_) * batch_ + std::int64_t{slice} * slice_rows_;
  }

 private:
  // Uniform permutation by Fisher and Yates (Knuth, TAOCP 2, algorithm 3.4.2 P), keyed by (seed, epoch); or of many
  // rows a keyed one.
  void permute(std::int64_t epoch);

  std::uint64_t seed_;
  std::int64_t rows_;
  int batch_;
  int slice_rows_;
  std::int64_t steps_per_epoch_;
  std::int64_t permuted_epoch_ = -1;
  std::vector<std::uint32_t> order_;  // empty: of many rows
  std::optional<KeyedPermutation> permutation_;
  std::shared_ptr<const ClassRows> by_class_;
};

}  // namespace lockstep
