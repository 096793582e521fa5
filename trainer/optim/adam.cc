#include "trainer/optim/adam.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "proto/optimizer.pb.h"
#include "storage/base/status.h"
#include "trainer/optim/penalty.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

struct AdamStep {
  Penalty penalty;
  float beta1;
  float beta2;
  float epsilon;
  float first_rate;    // learning_rate / (1 - beta1^step)
  float second_scale;  // 1 / sqrt(1 - beta2^step)
  float kept;          // decoupled weight decay: 1 - learning_rate * weight_decay
};

template <bool kDecoupled, bool kL1>
void update_run(float* __restrict values, const float* __restrict gradients, float* __restrict first,
                float* __restrict second, std::size_t elements, const AdamStep step) {
  for (std::size_t i = 0; i < elements; ++i) {
    const float gradient = penalized<kL1>(gradients[i], values[i], step.penalty);
    first[i] = std::fma(step.beta1, first[i], (1 - step.beta1) * gradient);
    second[i] = std::fma(step.beta2, second[i], (1 - step.beta2) * gradient * gradient);
    const float value = kDecoupled ? step.kept * values[i] : values[i];
    values[i] = value - step.first_rate * first[i] / std::fma(std::sqrt(second[i]), step.second_scale, step.epsilon);
  }
}

// Without L1 penalty, with it.
using UpdateRun = void(float*, const float*, float*, float*, std::size_t, AdamStep);
constexpr UpdateRun* kCoupledUpdate[] = {update_run<false, false>, update_run<false, true>};
constexpr UpdateRun* kDecoupledUpdate[] = {update_run<true, false>, update_run<true, true>};

class AdamOptimizer final : public Optimizer {
 public:
  // `Spec`: proto::Adam or proto::AdamW.
  template <typename Spec>
  AdamOptimizer(const Spec& spec, bool decoupled, std::vector<ParameterRun> runs, std::size_t arena_elements)
      : beta1_(spec.beta1()),
        beta2_(spec.beta2()),
        epsilon_(spec.epsilon()),
        decoupled_(decoupled),
        runs_(std::move(runs)),
        first_moment_(arena_elements, Pages::kAtFirstTouch),
        second_moment_(arena_elements, Pages::kAtFirstTouch),
        slots_{{{"first_moment", first_moment_.span()}, {"second_moment", second_moment_.span()}}} {}

  using Optimizer::update;
  void update(std::span<float> values, std::span<const float> gradients, float gradient_scale, float learning_rate,
              std::int64_t step, std::size_t begin, std::size_t end) override {
    CHECK(values.size() == first_moment_.size() && gradients.size() == first_moment_.size(),
          "{} values and {} gradients for {} elements", values.size(), gradients.size(), first_moment_.size());
    CHECK(step >= 1, "step {}: steps count from 1", step);
    const double first_correction = 1 - std::pow(double(beta1_), double(step));
    const double second_correction = 1 - std::pow(double(beta2_), double(step));
    for_each_part(runs_, begin, end, [&](const ParameterRun& part) {
      const std::size_t first = part.begin;
      const Treatment& treatment = part.treatment;
      const float rate = learning_rate * treatment.rate_scale;
      UpdateRun* const* const update_runs = decoupled_ ? kDecoupledUpdate : kCoupledUpdate;
      update_runs[treatment.l1_decay > 0 ? 1 : 0](
          values.data() + first, gradients.data() + first, first_moment_.data() + first, second_moment_.data() + first,
          part.end - first,
          {{gradient_scale, decoupled_ ? 0.0F : treatment.weight_decay, treatment.l1_decay},
           beta1_,
           beta2_,
           epsilon_,
           float(rate / first_correction),
           float(1 / std::sqrt(second_correction)),
           float(1 - double(rate) * double(treatment.weight_decay))});
    });
  }

  std::span<const OptimizerSlot> slots() override { return slots_; }

 private:
  const float beta1_;
  const float beta2_;
  const float epsilon_;
  const bool decoupled_;
  const std::vector<ParameterRun> runs_;
  AlignedArray first_moment_;
  AlignedArray second_moment_;
  const std::array<OptimizerSlot, 2> slots_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const proto::Adam& spec, std::vector<ParameterRun> runs,
                                     std::size_t arena_elements) {
  return std::make_unique<AdamOptimizer>(spec, false, std::move(runs), arena_elements);
}

std::unique_ptr<Optimizer> make_adam_w(const proto::AdamW& spec, std::vector<ParameterRun> runs,
                                       std::size_t arena_elements) {
  return std::make_unique<AdamOptimizer>(spec, true, std::move(runs), arena_elements);
}

}  // namespace lockstep
