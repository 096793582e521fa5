#include "trainer/optim/weight_average.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {
namespace {

void move_towards(std::span<const float> values, float weight, std::span<float> average) {
  CHECK(values.size() == average.size());
  for (std::size_t i = 0; i < values.size(); ++i) average[i] += weight * (values[i] - average[i]);
}

}  // namespace

WeightAverage::WeightAverage(float decay, std::size_t parameter_elements, std::size_t buffer_elements)
    : decay_(decay), values_(parameter_elements), buffers_(buffer_elements) {}

void WeightAverage::begin(std::span<const float> values, std::span<const float> buffers) {
  std::ranges::copy(values, values_.span().begin());
  std::ranges::copy(buffers, buffers_.span().begin());
}

float WeightAverage::weight_of(std::int64_t step) const {
  const auto s = static_cast<double>(step);
  return static_cast<float>(1 - std::min(static_cast<double>(decay_), (1 + s) / (10 + s)));
}

void WeightAverage::update(std::span<const float> values, std::int64_t step, std::size_t begin, std::size_t end) {
  move_towards(values.subspan(begin, end - begin), weight_of(step), values_.span().subspan(begin, end - begin));
}

void WeightAverage::update_buffers(std::span<const float> buffers, std::int64_t step) {
  move_towards(buffers, weight_of(step), buffers_.span());
}

}  // namespace lockstep
