#include "trainer/optim/adam.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

struct AdamStep {
  float gradient_scale;
  float weight_decay;
  float beta1;
  float beta2;
  float epsilon;
  float first_rate;    // learning_rate / (1 - beta1^step)
  float second_scale;  // 1 / sqrt(1 - beta2^step)
};

void update_run(float* __restrict values, const float* __restrict gradients, float* __restrict first,
                float* __restrict second, std::size_t elements, const AdamStep step) {
  for (std::size_t i = 0; i < elements; ++i) {
    const float gradient = std::fma(step.gradient_scale, gradients[i], step.weight_decay * values[i]);
    first[i] = std::fma(step.beta1, first[i], (1 - step.beta1) * gradient);
    second[i] = std::fma(step.beta2, second[i], (1 - step.beta2) * gradient * gradient);
    values[i] -= step.first_rate * first[i] / std::fma(std::sqrt(second[i]), step.second_scale, step.epsilon);
  }
}

class AdamOptimizer final : public Optimizer {
 public:
  AdamOptimizer(const proto::Adam& spec, std::vector<ParameterRun> runs, std::size_t arena_elements)
      : beta1_(spec.beta1()),
        beta2_(spec.beta2()),
        epsilon_(spec.epsilon()),
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
    for (const ParameterRun& run : runs_) {
      const std::size_t first = std::max(begin, run.begin);
      const std::size_t last = std::min(end, run.end);
      if (first >= last) continue;
      update_run(values.data() + first, gradients.data() + first, first_moment_.data() + first,
                 second_moment_.data() + first, last - first,
                 {gradient_scale, run.treatment.weight_decay, beta1_, beta2_, epsilon_,
                  float(learning_rate * run.treatment.rate_scale / first_correction),
                  float(1 / std::sqrt(second_correction))});
    }
  }

  std::span<const OptimizerSlot> slots() override { return slots_; }

 private:
  const float beta1_;
  const float beta2_;
  const float epsilon_;
  const std::vector<ParameterRun> runs_;
  AlignedArray first_moment_;
  AlignedArray second_moment_;
  const std::array<OptimizerSlot, 2> slots_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const proto::Adam& spec, std::vector<ParameterRun> runs,
                                     std::size_t arena_elements) {
  return std::make_unique<AdamOptimizer>(spec, std::move(runs), arena_elements);
}

}  // namespace lockstep
