// Sums of arrays in a fixed order, in one pass over memory: the arrays are cut into blocks that stay in the first-level
// cache. Every sum is bit for bit the one that whole-array additions in that order give.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

// sum += values. Requires: they do not overlap.
void add_to(float* sum, const float* values, std::size_t elements);

// arrays[0] += (arrays[1] + (arrays[2] + ...)).
void fold_into_first(std::span<float* const> arrays, std::size_t elements);

// Adds the arrays of consecutive ranks at distance 1, 2, 4, ... while that divides their number, an odd rest from left
// to right, and writes the sum to every array of `sums` (which may be the same arrays).
void sum_rank_arrays(std::span<float* const> arrays, std::span<float* const> sums, std::size_t elements);

}  // namespace lockstep
