// What every GradientReducer does on every Communicator, and the slow twin that it is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/comm/gradient_reducer.h"

namespace lockstep {

// Element i of a slice's gradient: both signs and 24 binary orders of magnitude, so that the order of additions shows.
float gradient_value(int step, int slice, std::size_t i);

// The definition, literally: the slices of each rank by recursion (halves while even, an odd rest from the left), then
// the ranks pairwise while their number is even, an odd rest from the left.
std::vector<float> reference_sum(int step, int slices, int ranks, std::size_t elements);

// The gradients added one slice after another.
std::vector<float> left_to_right_sum(int step, int slices, std::size_t elements);

// The bits, for comparison that knows -0 from 0.
std::vector<std::uint32_t> bits_of(std::span<const float> values);

// Runs `steps` reductions on this rank and expects the bits of reference_sum each time.
void expect_tree_sum(Communicator& communicator, std::size_t elements, const ReducerOptions& options, int steps);

// The same sums by reduce_shares() and a PartedUpdate, where a third of the array is not parted. Collective.
void expect_sum_in_parts(Communicator& communicator, std::size_t elements, ReducerOptions options);

// expect_tree_sum and expect_sum_in_parts for slices 1, 2, 4, 6, 8, 12, 16 as far as the ranks divide them, lengths 1
// to 17, 1,000 and 100,003, shared memory on and off, in one bucket and in many that are summed while slices are put.
void expect_tree_sums(Communicator& communicator);

// kMpiAllReduce: the same sum within rounding, and the same bits on every rank.
void expect_library_sum(Communicator& communicator, std::size_t elements, int slices);

// Sums that are denormal numbers are zero, whether they are made in a rank or between ranks. Collective.
void expect_no_denormal_sum(Communicator& communicator);

// By messages in bf16: near the sum in fp32, and the same bits on every rank and with any buckets. Collective.
void expect_bf16_wire_sum(Communicator& communicator, std::size_t elements, int slices);

// Parted elements as with Wire::kBf16Whole, what lies behind them as with kFp32. Collective.
void expect_only_parted_elements_rounded(Communicator& communicator, std::size_t elements, std::size_t parted,
                                         int slices);

}  // namespace lockstep
