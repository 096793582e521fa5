// Where an array is to go: over what was there, or into sums that wait for it. So an array that is made piece by piece,
// as the gradients of a slice are, is added while each piece is still in the cache, and needs no memory of its own.
// Threads: pieces that do not overlap may be put at the same time.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

// sum += values. Requires: they do not overlap.
void add_to(float* sum, const float* values, std::size_t elements);

struct SumTarget {
  // Each on 64 bytes.
  std::span<float* const> arrays;
  std::size_t elements = 0;  // of each
  // x becomes arrays[0] + (arrays[1] + (... + x)), elementwise, in arrays[0]. Not add: x goes to arrays[0], the only
  // one.
  bool add = false;

  // Elements [offset, offset + count) of x, which may be scratch: x itself may be written over.
  void put(std::size_t offset, float* x, std::size_t count) const;
};

}  // namespace lockstep
