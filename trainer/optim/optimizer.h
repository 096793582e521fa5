// An Optimizer changes the parameter arena by the reduced gradients. All arithmetic is elementwise, so the layout of a
// tensor does not matter, and the same inputs give the same bits on every rank.
// Threads: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "trainer/optim/parameter_group.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {

namespace proto {
class Optimizer;  // proto/optimizer.pb.h
}

// One array of state, laid out as the parameter arena: "momentum" (SGD); "first_moment", "second_moment" (Adam, AdamW);
// "square_average" and more (RMSProp).
struct OptimizerSlot {
  std::string_view name;
  std::span<float> values;
};

class Optimizer {
 public:
  // Allocates the state, zeroed. The default of an empty message is SGD with momentum 0.9.
  // Requires: parameters in arena order; arena_elements covers them.
  static std::unique_ptr<Optimizer> make(const proto::Optimizer& spec, std::span<const TensorInfo> parameters,
                                         std::size_t arena_elements, const ParameterGroups& groups = {});
  // Of what make() gives: slots().size(), known before.
  static int slot_count(const proto::Optimizer& spec);
  virtual ~Optimizer() = default;

  // One update; `step` counts from 1. gradient_scale multiplies every gradient first (clipping). Then the penalties.
  // Only elements [begin, end) of the arena are looked at: ranks that share memory update a part each.
  // Requires: values and gradients have arena_elements each. Ensures: where value, gradient and state are zero (the
  // padding of a layout), they stay zero. Allocates nothing.
  virtual void update(std::span<float> values, std::span<const float> gradients, float gradient_scale,
                      float learning_rate, std::int64_t step, std::size_t begin, std::size_t end) = 0;
  // Of the whole arena.
  void update(std::span<float> values, std::span<const float> gradients, float gradient_scale, float learning_rate,
              std::int64_t step) {
    update(values, gradients, gradient_scale, learning_rate, step, 0, values.size());
  }

  virtual std::span<const OptimizerSlot> slots() = 0;
};

}  // namespace lockstep
