#include "trainer/optim/decay.h"

#include "proto/job.pb.h"
#include "storage/base/status.h"

namespace lockstep {

std::vector<DecayRun> decay_runs(const proto::Optimizer& spec, std::span<const TensorInfo> parameters,
                                 std::size_t arena_elements) {
  std::vector<DecayRun> runs;
  std::size_t end_of_previous = 0;
  for (const TensorInfo& tensor : parameters) {
    CHECK(tensor.offset >= end_of_previous, "{} starts at {}, before the end {} of the tensor before it", tensor.name,
          tensor.offset, end_of_previous);
    end_of_previous = tensor.offset + tensor.elements;
    const float decay = tensor.is_weights || spec.decay_all() ? spec.weight_decay() : 0.0F;
    if (runs.empty()) {
      runs.push_back({0, 0, decay});
    } else if (runs.back().weight_decay != decay) {
      runs.back().end = tensor.offset;
      runs.push_back({tensor.offset, 0, decay});
    }
  }
  CHECK(end_of_previous <= arena_elements, "tensors end at {}, the arena at {}", end_of_previous, arena_elements);
  if (!runs.empty()) runs.back().end = arena_elements;
  return runs;
}

}  // namespace lockstep
