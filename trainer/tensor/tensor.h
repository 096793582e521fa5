// Where each parameter and buffer lies in its arena. An arena is one array of floats; a tensor is a span of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct TensorInfo {
  std::string name;                 // "<layer>/<tensor>", as "convolution_1/weights"
  std::vector<std::int64_t> shape;  // plain layout: weights O,I,H,W (with groups: O, I / groups, H, W); dense O,I
  std::size_t offset = 0;           // first element in the arena; a multiple of 16 (64 bytes)
  // Elements in the arena, a multiple of 16. More than the shape's product where the layout is padded; the padding
  // stays zero, in values, gradients and optimizer state alike.
  std::size_t elements = 0;
  bool is_weights = false;    // convolution or dense weights: weight decay applies. Not biases and batch norm.
  bool is_statistic = false;  // running mean or variance: no parameter
};

inline std::int64_t plain_elements(const TensorInfo& tensor) {
  std::int64_t product = 1;
  for (const std::int64_t extent : tensor.shape) product *= extent;
  return product;
}

// Elements of the arena that holds these tensors, one right after another.
inline std::size_t arena_elements(std::span<const TensorInfo> tensors) {
  return tensors.empty() ? 0 : tensors.back().offset + tensors.back().elements;
}

// `elements` rounded up to whole cache lines.
inline std::size_t whole_lines(std::size_t elements) {
  return (elements + 15) / 16 * 16;
}

// Appends a tensor behind the others: fills in offset and rounds elements up.
inline void append_tensor(TensorInfo tensor, std::vector<TensorInfo>& tensors) {
  tensor.offset = arena_elements(tensors);
  tensor.elements = whole_lines(tensor.elements);
  tensors.push_back(std::move(tensor));
}

}  // namespace lockstep
