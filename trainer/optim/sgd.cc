#include "trainer/optim/sgd.h"

#include <algorithm>
#include <cmath>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

struct SgdStep {
  float gradient_scale;
  float weight_decay;
  float momentum;
  float learning_rate;
};

template <bool kNesterov>
void update_run(float* __restrict values, const float* __restrict gradients, float* __restrict velocity,
                std::size_t elements, const SgdStep step) {
  for (std::size_t i = 0; i < elements; ++i) {
    const float gradient = std::fma(step.gradient_scale, gradients[i], step.weight_decay * values[i]);
    velocity[i] = std::fma(step.momentum, velocity[i], gradient);
    const float direction = kNesterov ? std::fma(step.momentum, velocity[i], gradient) : velocity[i];
    values[i] = std::fma(-step.learning_rate, direction, values[i]);
  }
}

class SgdOptimizer final : public Optimizer {
 public:
  SgdOptimizer(const proto::Sgd& spec, std::vector<ParameterRun> runs, std::size_t arena_elements)
      : momentum_(spec.momentum()),
        nesterov_(spec.nesterov()),
        runs_(std::move(runs)),
        velocity_(arena_elements, Pages::kAtFirstTouch),
        slot_{"momentum", velocity_.span()} {}

  using Optimizer::update;
  void update(std::span<float> values, std::span<const float> gradients, float gradient_scale, float learning_rate,
              std::int64_t /*step*/, std::size_t begin, std::size_t end) override {
    CHECK(values.size() == velocity_.size() && gradients.size() == velocity_.size(),
          "{} values and {} gradients for {} elements", values.size(), gradients.size(), velocity_.size());
    for (const ParameterRun& run : runs_) {
      const auto update_this = nesterov_ ? update_run<true> : update_run<false>;
      const std::size_t first = std::max(begin, run.begin);
      const std::size_t last = std::min(end, run.end);
      if (first >= last) continue;
      update_this(values.data() + first, gradients.data() + first, velocity_.data() + first, last - first,
                  {gradient_scale, run.treatment.weight_decay, momentum_, learning_rate * run.treatment.rate_scale});
    }
  }

  std::span<const OptimizerSlot> slots() override { return {&slot_, 1}; }

 private:
  const float momentum_;
  const bool nesterov_;
  const std::vector<ParameterRun> runs_;
  AlignedArray velocity_;
  const OptimizerSlot slot_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const proto::Sgd& spec, std::vector<ParameterRun> runs,
                                    std::size_t arena_elements) {
  return std::make_unique<SgdOptimizer>(spec, std::move(runs), arena_elements);
}

}  // namespace lockstep
