// An array of floats on a 64-byte boundary (2 MiB for large ones, with huge pages asked for), zeroed and faulted in
// once: the step never touches a fresh page. Where there is no memory for it std::bad_alloc is thrown, with the size.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

// When memory is taken: at construction, or page by page at the first touch, for arrays of which a process may use a
// part only.
enum class Pages { kNow, kAtFirstTouch };

class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t elements, Pages pages = Pages::kNow);
  AlignedArray(AlignedArray&& other) noexcept;
  AlignedArray& operator=(AlignedArray&& other) noexcept;
  AlignedArray(const AlignedArray&) = delete;
  AlignedArray& operator=(const AlignedArray&) = delete;
  ~AlignedArray();

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return elements_; }
  std::span<float> span() { return {data_, elements_}; }
  std::span<const float> span() const { return {data_, elements_}; }

 private:
  void* block_ = nullptr;  // what is freed
  float* data_ = nullptr;  // aligned, inside the block
  std::size_t elements_ = 0;
};

}  // namespace lockstep
