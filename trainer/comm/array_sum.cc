#include "trainer/comm/array_sum.h"

#include <algorithm>

#include "trainer/tensor/flush_to_zero.h"
#include "trainer/tensor/sum_target.h"

namespace lockstep {
namespace {

constexpr std::size_t kBlock = 1024;

// sum = the tree over arrays[..][offset, offset + elements), as sum_rank_arrays orders it.
void sum_block(std::span<float* const> arrays, std::size_t offset, std::size_t elements, float* sum) {
  const std::size_t count = arrays.size();
  if (count == 1) {
    std::copy_n(arrays[0] + offset, elements, sum);
    return;
  }
  const std::size_t power = count & (~count + 1);  // the largest power of two that divides count
  const std::size_t group = power == count ? count / 2 : power;
  alignas(64) float part[kBlock];
  sum_block(arrays.first(group), offset, elements, sum);
  for (std::size_t first = group; first < count; first += group) {
    if (group == 1) {
      add_to(sum, arrays[first] + offset, elements);
    } else {
      sum_block(arrays.subspan(first, group), offset, elements, part);
      add_to(sum, part, elements);
    }
  }
}

}  // namespace

void sum_rank_arrays(std::span<float* const> arrays, std::span<float* const> sums, std::size_t elements) {
  const FlushToZero flush;
  alignas(64) float sum[kBlock];
  for (std::size_t offset = 0; offset < elements; offset += kBlock) {
    const std::size_t n = std::min(kBlock, elements - offset);
    sum_block(arrays, offset, n, sum);
    for (float* const target : sums) std::copy_n(sum, n, target + offset);
  }
}

}  // namespace lockstep
