// An order of rows in which each class comes as often as any other.
//
// The places of an epoch are dealt out to the classes in turn, in a keyed permutation; each class gives its rows in a
// keyed permutation of its own, and when all have come, in another one. A function of (seed, epoch, place).
// Threads: const after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/dataset/dataset.h"
#include "trainer/data/keyed_permutation.h"

namespace lockstep {

// Row numbers, of the classes that have rows: those of class i are rows[begins[i]] to rows[begins[i + 1] - 1].
struct ClassRows {
  std::vector<std::uint32_t> rows;
  std::vector<std::int64_t> begins;
  std::int64_t classes() const { return std::int64_t(begins.size()) - 1; }
};

// Requires: one class a row. Errors: bad_data of more than 2^32 rows; those of Dataset::read_targets.
StatusOr<ClassRows> class_rows(Dataset& rows);

class ClassOrder {
 public:
  // `places` of an epoch. `rows` outlives it.
  ClassOrder(const ClassRows& rows, std::uint64_t seed, std::int64_t epoch, std::int64_t places);

  // Requires: place in [0, places).
  std::int64_t row(std::int64_t place) const;

 private:
  const ClassRows& rows_;
  std::uint64_t seed_;
  std::int64_t epoch_;
  KeyedPermutation places_;
};

}  // namespace lockstep
