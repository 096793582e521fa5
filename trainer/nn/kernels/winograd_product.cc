#include "trainer/nn/kernels/winograd_product.h"

#include <algorithm>

#include "trainer/nn/kernels/avx512.h"

namespace lockstep::winograd {
namespace {

// One operand: single values, kProductRows a step.
struct Rows {
  const float* data;
  std::int64_t blocks;        // of steps
  std::int64_t block_stride;  // floats
};

// to[column][row][16] (+)= sum over steps of rows[row] * columns[column][step][16].
template <int kColumns, int kRowStride, int kStepStride>
LOCKSTEP_AVX512_INLINE void multiply(const Rows& rows, std::int64_t steps, const float* columns,
                                     std::int64_t column_stride, bool add, float* to, std::int64_t to_stride) {
  __m512 sums[kProductRows][kColumns];
#pragma GCC unroll 8
  for (int i = 0; i < kProductRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kColumns; ++j) sums[i][j] = _mm512_setzero_ps();
  }
  for (std::int64_t block = 0; block < rows.blocks; ++block) {
    const float* from = rows.data + block * rows.block_stride;
    for (std::int64_t step = 0; step < steps; ++step, from += kStepStride, columns += kBlock) {
      __m512 vectors[kColumns];
#pragma GCC unroll 2
      for (int j = 0; j < kColumns; ++j) vectors[j] = _mm512_load_ps(columns + j * column_stride);
#pragma GCC unroll 8
      for (int i = 0; i < kProductRows; ++i) {
        const __m512 value = _mm512_set1_ps(from[i * kRowStride]);
#pragma GCC unroll 2
        for (int j = 0; j < kColumns; ++j) sums[i][j] = _mm512_fmadd_ps(value, vectors[j], sums[i][j]);
      }
    }
  }
#pragma GCC unroll 2
  for (int j = 0; j < kColumns; ++j) {
#pragma GCC unroll 8
    for (int i = 0; i < kProductRows; ++i) {
      float* const place = to + j * to_stride + i * kBlock;
      _mm512_store_ps(place, add ? _mm512_add_ps(_mm512_load_ps(place), sums[i][j]) : sums[i][j]);
    }
  }
}

template <int kColumns>
LOCKSTEP_AVX512 void forward_columns(const Planes& inputs, const Planes& weights, const Extent& extent, bool add,
                                     const Planes& to, std::int64_t plane, std::int64_t filter) {
  for (std::int64_t tile = 0; tile < extent.tiles; tile += kProductRows) {
    const Rows rows = {inputs.at(plane, 0) + tile * kBlock, extent.channel_blocks, inputs.positions * kBlock};
    multiply<kColumns, kBlock, 1>(rows, kBlock, weights.at(plane, filter), weights.positions * kBlock, add,
                                  to.at(plane, filter) + tile * kBlock, to.positions * kBlock);
  }
}

template <int kColumns>
LOCKSTEP_AVX512 void backward_columns(const Planes& inputs, const Planes& gradients, const Extent& extent, bool add,
                                      const Planes& to, std::int64_t plane, std::int64_t filter) {
  for (std::int64_t channel = 0; channel < extent.channel_blocks * kBlock; channel += kProductRows) {
    const Rows rows = {inputs.at(plane, channel / kBlock) + channel % kBlock, 1, 0};
    multiply<kColumns, 1, kBlock>(rows, extent.tiles, gradients.at(plane, filter), gradients.positions * kBlock, add,
                                  to.at(plane, filter) + channel * kBlock, to.positions * kBlock);
  }
}

using Columns = decltype(forward_columns<1>);

void multiply_planes(Columns* pair, Columns* single, const Planes& a, const Planes& b, const Extent& extent, bool add,
                     const Planes& to) {
  for (std::int64_t plane = 0; plane < kPlanes; ++plane) {
    std::int64_t filter = 0;
    for (; filter + 2 <= extent.filter_blocks; filter += 2) pair(a, b, extent, add, to, plane, filter);
    if (filter < extent.filter_blocks) single(a, b, extent, add, to, plane, filter);
  }
}

}  // namespace

void multiply_forward(const Planes& inputs, const Planes& weights, const Extent& extent, bool add, const Planes& to) {
  multiply_planes(forward_columns<2>, forward_columns<1>, inputs, weights, extent, add, to);
}

void multiply_backward_weights(const Planes& inputs, const Planes& gradients, const Extent& extent, bool add,
                               const Planes& to) {
  multiply_planes(backward_columns<2>, backward_columns<1>, inputs, gradients, extent, add, to);
}

}  // namespace lockstep::winograd
