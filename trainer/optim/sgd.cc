#include "trainer/optim/sgd.h"

#include <algorithm>
#include <cmath>

#include "proto/optimizer.pb.h"
#include "storage/base/status.h"
#include "trainer/optim/penalty.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

struct SgdStep {
  Penalty penalty;
  float momentum;
  float learning_rate;
};

template <bool kNesterov, bool kL1>
void update_run(float* __restrict values, const float* __restrict gradients, float* __restrict velocity,
                std::size_t elements, const SgdStep step) {
  for (std::size_t i = 0; i < elements; ++i) {
    const float gradient = penalized<kL1>(gradients[i], values[i], step.penalty);
    velocity[i] = std::fma(step.momentum, velocity[i], gradient);
    const float direction = kNesterov ? std::fma(step.momentum, velocity[i], gradient) : velocity[i];
    values[i] = std::fma(-step.learning_rate, direction, values[i]);
  }
}

// Without L1 penalty, with it.
using UpdateRun = void(float*, const float*, float*, std::size_t, SgdStep);
constexpr UpdateRun* kPlainUpdate[] = {update_run<false, false>, update_run<false, true>};
constexpr UpdateRun* kNesterovUpdate[] = {update_run<true, false>, update_run<true, true>};

class SgdOptimizer final : public Optimizer {
 public:
  SgdOptimizer(const proto::Sgd& spec, std::vector<ParameterRun> runs, std::size_t arena_elements)
      : momentum_(spec.momentum()),
        update_runs_(spec.nesterov() ? kNesterovUpdate : kPlainUpdate),
        runs_(std::move(runs)),
        velocity_(arena_elements, Pages::kAtFirstTouch),
        slot_{"momentum", velocity_.span()} {}

  using Optimizer::update;
  void update(std::span<float> values, std::span<const float> gradients, float gradient_scale, float learning_rate,
              std::int64_t /*step*/, std::size_t begin, std::size_t end) override {
    CHECK(values.size() == velocity_.size() && gradients.size() == velocity_.size(),
          "{} values and {} gradients for {} elements", values.size(), gradients.size(), velocity_.size());
    for_each_part(runs_, begin, end, [&](const ParameterRun& part) {
      const std::size_t first = part.begin;
      const Treatment& treatment = part.treatment;
      update_runs_[treatment.l1_decay > 0 ? 1 : 0](values.data() + first, gradients.data() + first,
                                                   velocity_.data() + first, part.end - first,
                                                   {{gradient_scale, treatment.weight_decay, treatment.l1_decay},
                                                    momentum_,
                                                    learning_rate * treatment.rate_scale});
    });
  }

  std::span<const OptimizerSlot> slots() override { return {&slot_, 1}; }

 private:
  const float momentum_;
  UpdateRun* const* const update_runs_;
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
