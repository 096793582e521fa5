// The exponential moving average of the weights and running statistics of a training.
//   average += (1 - decay) (value - average), in step s, from 1, with the smaller of decay and (1 + s) / (10 + s), so
//   that
// the first weights are soon forgotten.
// Ensures: elementwise; what is zero and stays zero (the padding of a layout) is zero in the average.
// Threads: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "trainer/tensor/aligned_array.h"

namespace lockstep {

class WeightAverage {
 public:
  WeightAverage(float decay, std::size_t parameter_elements, std::size_t buffer_elements);

  // Before the first step: the average is what there is.
  void begin(std::span<const float> values, std::span<const float> buffers);
  // After the update of `step`, counted from 1. Of the parameters only elements [begin, end): ranks that share memory
  // update a part each. Allocates nothing.
  void update(std::span<const float> values, std::int64_t step, std::size_t begin, std::size_t end);
  void update_buffers(std::span<const float> buffers, std::int64_t step);

  // As the arenas that are averaged.
  std::span<float> values() { return values_.span(); }
  std::span<float> buffers() { return buffers_.span(); }

 private:
  float weight_of(std::int64_t step) const;

  float decay_;
  AlignedArray values_;
  AlignedArray buffers_;
};

}  // namespace lockstep
