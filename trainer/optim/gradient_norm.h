// The Euclidean norm of all gradients, for clipping: the arena is cut into blocks of kNormBlock elements, the last one
// shorter; each is summed on its own, in double and in one order, and the sums are added in the order of the blocks. So
// it does not matter which rank sums which block.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

inline constexpr std::size_t kNormBlock = 4096;

std::size_t norm_blocks(std::size_t elements);

// The sum of squares of every block in [begin, end) goes to its place in `squares`, which has norm_blocks() of all
// gradients. Returns whether all are finite: exactly where every gradient is, for no square is too large for a double.
// Requires: begin is the begin of a block, end that of another or the end of the gradients.
bool sum_squares(std::span<const float> gradients, std::size_t begin, std::size_t end, std::span<double> squares);

// Of all blocks.
double norm_of(std::span<const double> squares);

}  // namespace lockstep
