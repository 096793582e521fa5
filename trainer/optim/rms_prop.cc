#include "trainer/optim/rms_prop.h"

#include <algorithm>
#include <cmath>

#include "proto/optimizer.pb.h"
#include "storage/base/status.h"
#include "trainer/optim/penalty.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

struct RmsPropStep {
  Penalty penalty;
  float alpha;
  float epsilon;
  float momentum;
  float learning_rate;
};

// `mean` is read when centered, `velocity` with momentum.
template <bool kCentered, bool kMomentum, bool kL1>
void update_run(float* __restrict values, const float* __restrict gradients, float* __restrict squares,
                float* __restrict mean, float* __restrict velocity, std::size_t elements, const RmsPropStep step) {
  for (std::size_t i = 0; i < elements; ++i) {
    const float gradient = penalized<kL1>(gradients[i], values[i], step.penalty);
    squares[i] = std::fma(step.alpha, squares[i], (1 - step.alpha) * gradient * gradient);
    float variance = squares[i];
    if constexpr (kCentered) {
      mean[i] = std::fma(step.alpha, mean[i], (1 - step.alpha) * gradient);
      variance = std::max(0.0F, std::fma(-mean[i], mean[i], variance));
    }
    float direction = gradient / (std::sqrt(variance) + step.epsilon);
    if constexpr (kMomentum) {
      velocity[i] = std::fma(step.momentum, velocity[i], direction);
      direction = velocity[i];
    }
    values[i] = std::fma(-step.learning_rate, direction, values[i]);
  }
}

// Without L1 penalty, with it.
using UpdateRun = void(float*, const float*, float*, float*, float*, std::size_t, RmsPropStep);
template <bool kCentered, bool kMomentum>
constexpr UpdateRun* kUpdate[] = {update_run<kCentered, kMomentum, false>, update_run<kCentered, kMomentum, true>};

class RmsPropOptimizer final : public Optimizer {
 public:
  RmsPropOptimizer(const proto::RmsProp& spec, std::vector<ParameterRun> runs, std::size_t arena_elements)
      : alpha_(spec.alpha()),
        epsilon_(spec.epsilon()),
        momentum_(spec.momentum()),
        update_runs_(spec.centered() ? (momentum_ > 0 ? kUpdate<true, true> : kUpdate<true, false>)
                                     : (momentum_ > 0 ? kUpdate<false, true> : kUpdate<false, false>)),
        runs_(std::move(runs)),
        squares_(arena_elements, Pages::kAtFirstTouch),
        mean_(spec.centered() ? arena_elements : 0, Pages::kAtFirstTouch),
        velocity_(momentum_ > 0 ? arena_elements : 0, Pages::kAtFirstTouch) {
    slots_.push_back({"square_average", squares_.span()});
    if (spec.centered()) slots_.push_back({"gradient_average", mean_.span()});
    if (momentum_ > 0) slots_.push_back({"momentum", velocity_.span()});
  }

  using Optimizer::update;
  void update(std::span<float> values, std::span<const float> gradients, float gradient_scale, float learning_rate,
              std::int64_t /*step*/, std::size_t begin, std::size_t end) override {
    CHECK(values.size() == squares_.size() && gradients.size() == squares_.size(),
          "{} values and {} gradients for {} elements", values.size(), gradients.size(), squares_.size());
    const auto part_of = [](AlignedArray& array, std::size_t first) {
      return array.size() > 0 ? array.data() + first : nullptr;
    };
    for_each_part(runs_, begin, end, [&](const ParameterRun& part) {
      const std::size_t first = part.begin;
      const Treatment& treatment = part.treatment;
      update_runs_[treatment.l1_decay > 0 ? 1 : 0](values.data() + first, gradients.data() + first,
                                                   squares_.data() + first, part_of(mean_, first),
                                                   part_of(velocity_, first), part.end - first,
                                                   {{gradient_scale, treatment.weight_decay, treatment.l1_decay},
                                                    alpha_,
                                                    epsilon_,
                                                    momentum_,
                                                    learning_rate * treatment.rate_scale});
    });
  }

  std::span<const OptimizerSlot> slots() override { return slots_; }

 private:
  const float alpha_;
  const float epsilon_;
  const float momentum_;
  UpdateRun* const* const update_runs_;
  const std::vector<ParameterRun> runs_;
  AlignedArray squares_;
  AlignedArray mean_;
  AlignedArray velocity_;
  std::vector<OptimizerSlot> slots_;
};

}  // namespace

std::unique_ptr<Optimizer> make_rms_prop(const proto::RmsProp& spec, std::vector<ParameterRun> runs,
                                         std::size_t arena_elements) {
  return std::make_unique<RmsPropOptimizer>(spec, std::move(runs), arena_elements);
}

}  // namespace lockstep
