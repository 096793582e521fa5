#include "trainer/tensor/sum_target.h"

#include <algorithm>

#include "storage/base/status.h"
#include "trainer/tensor/flush_to_zero.h"

namespace lockstep {
namespace {

constexpr std::size_t kBlock = 1024;  // stays in the first-level cache

}  // namespace

void add_to(float* __restrict sum, const float* __restrict values, std::size_t elements) {
  for (std::size_t i = 0; i < elements; ++i) sum[i] += values[i];
}

void SumTarget::put(std::size_t offset, float* x, std::size_t count) const {
  CHECK(offset + count <= elements && !arrays.empty() && (add || arrays.size() == 1), "{} of {}", offset, elements);
  if (!add) {
    std::copy_n(x, count, arrays[0] + offset);
    return;
  }
  const FlushToZero flush;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t n = std::min(kBlock, count - begin);
    for (std::size_t i = arrays.size() - 1; i > 0; --i) add_to(x + begin, arrays[i] + offset + begin, n);
    add_to(arrays[0] + offset + begin, x + begin, n);
  }
}

}  // namespace lockstep
