// 3x3 convolutions with stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2015, arXiv:1509.09308):
// all three passes, in fp32 arithmetic, a quarter of the direct algorithm's multiplications.
//
// Images lie in blocks of 16 channels, fp32 or bf16; weights and their gradients in blocks of 16 x 16, fp32. What is
// transformed lives in the scratch array, in portions that stay in the caches; nothing is kept between calls, so the
// bits depend on the arguments and the number of threads alone.
//
// Requires: AVX-512 (available()); every array on 64 bytes. Threads: each call uses `threads` of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/nn/kernels/winograd_tiles.h"

namespace lockstep::winograd {

// Whether this processor has the instructions, and oneDNN is not told to do without them (ONEDNN_MAX_CPU_ISA).
bool available();

// One convolution over the rows of a slice.
struct Problem {
  std::int64_t rows = 0;
  std::int64_t channels = 0;  // multiples of 16
  std::int64_t filters = 0;
  std::int64_t height = 0;  // of the input
  std::int64_t width = 0;
  std::int64_t output_height = 0;
  std::int64_t output_width = 0;
  std::int64_t pad_above = 0;  // 0 or 1
  std::int64_t pad_left = 0;
  bool is_bf16 = false;  // the images
  int threads = 1;
};

// The convolution that computes the gradient of the input from that of the output, with weights turned by 180 degrees.
Problem of_input_gradient(const Problem& problem);

std::size_t forward_scratch_floats(const Problem& problem);
std::size_t backward_weights_scratch_floats(const Problem& problem);

// dst = src * weights + bias. weights: OIhw16i16o, or when `turned` the OIhw16o16i of the convolution whose input
// gradient this is. bias: filters, or null.
void forward(const Problem& problem, const void* src, const float* weights, bool turned, const float* bias, void* dst,
             float* scratch);

// diff_weights (OIhw16i16o) and, unless null, diff_bias are written over.
void backward_weights(const Problem& problem, const void* src, const void* diff_dst, float* diff_weights,
                      float* diff_bias, float* scratch);

}  // namespace lockstep::winograd
