#include "trainer/tensor/aligned_array.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <utility>

#include <sys/mman.h>

#include "storage/base/log.h"

namespace lockstep {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

// Says how much it was, and throws std::bad_alloc, as any memory that cannot be had.
void fail(std::size_t elements) {
  log_error("out of memory: an array of {} floats ({:.1f} GB) cannot be had", elements,
            static_cast<double>(elements) * sizeof(float) / 1e9);
  static_cast<void>(std::pmr::null_memory_resource()->allocate(1));
}

}  // namespace

AlignedArray::AlignedArray(std::size_t elements, Pages pages) : elements_(elements) {
  if (elements == 0) return;
  if (elements > SIZE_MAX / sizeof(float) - 2 * kHugePageBytes) fail(elements);
  const std::size_t bytes = elements * sizeof(float);
  const std::size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kCacheLineBytes;
  std::size_t space = (bytes + alignment - 1) / alignment * alignment + alignment;
  block_ = std::calloc(space, 1);
  if (block_ == nullptr) fail(elements);
  void* memory = block_;
  data_ = static_cast<float*>(std::align(alignment, space - alignment, memory, space));
  // Only advice: where the kernel has no huge pages for us, small ones do.
  if (alignment == kHugePageBytes) madvise(data_, bytes, MADV_HUGEPAGE);
  if (pages == Pages::kNow) std::memset(static_cast<void*>(data_), 0, bytes);
}

AlignedArray::AlignedArray(AlignedArray&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      elements_(std::exchange(other.elements_, 0)) {}

AlignedArray& AlignedArray::operator=(AlignedArray&& other) noexcept {
  if (this != &other) {
    std::free(block_);
    block_ = std::exchange(other.block_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    elements_ = std::exchange(other.elements_, 0);
  }
  return *this;
}

AlignedArray::~AlignedArray() {
  std::free(block_);
}

}  // namespace lockstep
