// An array of floats on a 64-byte boundary (2 MiB for large ones, with huge pages asked for), zeroed and faulted in
// once: the step never touches a fresh page.
#pragma once

#include <cstddef>
#include <span>

namespace lockstep {

class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t elements);
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
  float* data_ = nullptr;
  std::size_t elements_ = 0;
};

}  // namespace lockstep
