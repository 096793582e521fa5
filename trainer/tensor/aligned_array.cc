#include "trainer/tensor/aligned_array.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

}  // namespace

AlignedArray::AlignedArray(std::size_t elements) : elements_(elements) {
  if (elements == 0) return;
  CHECK(elements <= SIZE_MAX / sizeof(float) - kHugePageBytes, "array of {} floats", elements);
  const std::size_t bytes = elements * sizeof(float);
  const std::size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kCacheLineBytes;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  CHECK(memory != nullptr, "out of memory: an array of {} bytes; use a smaller network or smaller slices", rounded);
  // Only advice: where the kernel has no huge pages for us, small ones do.
  if (alignment == kHugePageBytes) madvise(memory, rounded, MADV_HUGEPAGE);
  std::memset(memory, 0, rounded);
  data_ = static_cast<float*>(memory);
}

AlignedArray::AlignedArray(AlignedArray&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), elements_(std::exchange(other.elements_, 0)) {}

AlignedArray& AlignedArray::operator=(AlignedArray&& other) noexcept {
  if (this != &other) {
    std::free(data_);
    data_ = std::exchange(other.data_, nullptr);
    elements_ = std::exchange(other.elements_, 0);
  }
  return *this;
}

AlignedArray::~AlignedArray() {
  std::free(data_);
}

}  // namespace lockstep
