// Sums of arrays in a fixed order, in one pass over memory: the arrays are cut into blocks that stay in the first-level
// cache. Every sum is bit for bit the one that whole-array additions in that order give.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

// Adds the arrays of consecutive ranks at distance 1, 2, 4, ... while that divides their number, an odd rest from left
// to right, and writes the sum to every array of `sums` (which may be the same arrays).
void sum_rank_arrays(std::span<float* const> arrays, std::span<float* const> sums, std::size_t elements);

}  // namespace lockstep
