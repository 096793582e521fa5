// Where each parameter and buffer lies in its arena. An arena is one array of floats; a tensor is a span of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

struct TensorInfo {
  std::string name;                 // "<layer>/<tensor>", as "convolution_1/weights"
  std::vector<std::int64_t> shape;  // plain layout: weights O,I,H,W (with groups: O, I / groups, H, W); dense O,I
  std::size_t offset = 0;           // first element in the arena
  // Elements in the arena. More than the shape's product where the layout is padded; the padding stays zero, in values,
  // gradients and optimizer state alike.
  std::size_t elements = 0;
  bool is_weights = false;  // convolution or dense weights: weight decay applies. Not biases and batch norm.
};

inline std::int64_t plain_elements(const TensorInfo& tensor) {
  std::int64_t product = 1;
  for (const std::int64_t extent : tensor.shape) product *= extent;
  return product;
}

}  // namespace lockstep
