// The 36 matrix products between transformed arrays: all the arithmetic of a Winograd convolution that counts.
//
// The kernel keeps 8 x 32 sums in registers and reads for each step 8 single values and two vectors. On an AVX-512
// processor it runs at the rate of the multiply-adds as long as its operands come from the second-level cache.
//
// Requires: AVX-512. Threads: any.
#pragma once

#include <cstdint>

#include "trainer/nn/kernels/winograd_tiles.h"

namespace lockstep::winograd {

inline constexpr std::int64_t kProductRows = 8;

// How many blocks of each kind take part.
struct Extent {
  std::int64_t tiles = 0;
  std::int64_t channel_blocks = 0;
  std::int64_t filter_blocks = 0;
};

// to(tile, filter) (+)= sum over channels of inputs(tile, channel) * weights(channel, filter), in each plane, for the
// tiles rounded up to kProductRows: all arrays have place for those. `add`: to what is there.
void multiply_forward(const Planes& inputs, const Planes& weights, const Extent& extent, bool add, const Planes& to);

// to(channel, filter) (+)= sum over tiles of inputs(tile, channel) * gradients(tile, filter), in each plane.
void multiply_backward_weights(const Planes& inputs, const Planes& gradients, const Extent& extent, bool add,
                               const Planes& to);

}  // namespace lockstep::winograd
