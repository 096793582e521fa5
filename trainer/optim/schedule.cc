#include "trainer/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "proto/optimizer.pb.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

// Position of the step in the training.
struct Position {
  std::int64_t step;
  std::int64_t steps_per_epoch;
  std::int64_t last_step;

  std::int64_t steps_in(float epochs) const {
    return std::llround(std::min(double(epochs) * double(steps_per_epoch), 0x1p62));
  }

  // 0 at step `from`, 1 at the last step.
  double progress_since(std::int64_t from) const {
    return last_step > from ? double(step - from) / double(last_step - from) : 0.0;
  }

  // Share of the full rate: 1 from step warm_up_steps - 1 on.
  double warm_up(std::int64_t warm_up_steps) const {
    return step < warm_up_steps ? double(step + 1) / double(warm_up_steps) : 1.0;
  }
};

double between(double from, double to, double share) {
  return std::fma(to - from, share, from);
}

double rate(const proto::Constant& spec, const Position& at) {
  return spec.learning_rate() * at.warm_up(at.steps_in(spec.warm_up_epochs()));
}

double rate(const proto::StepDecay& spec, const Position& at) {
  const std::int64_t period = std::max<std::int64_t>(1, at.steps_in(spec.every_epochs()));
  const std::int64_t falls = at.step / period;
  return spec.learning_rate() * std::pow(double(spec.factor()), double(falls)) *
         at.warm_up(at.steps_in(spec.warm_up_epochs()));
}

double rate(const proto::MultiStep& spec, const Position& at) {
  const auto falls = std::count_if(spec.at_epoch().begin(), spec.at_epoch().end(),
                                   [&](float epoch) { return at.steps_in(epoch) <= at.step; });
  return spec.learning_rate() * std::pow(double(spec.factor()), double(falls)) *
         at.warm_up(at.steps_in(spec.warm_up_epochs()));
}

double rate(const proto::Exponential& spec, const Position& at) {
  return spec.learning_rate() * std::pow(double(spec.factor()), double(at.step) / double(at.steps_per_epoch)) *
         at.warm_up(at.steps_in(spec.warm_up_epochs()));
}

double rate(const proto::Polynomial& spec, const Position& at) {
  const std::int64_t warm_up_steps = at.steps_in(spec.warm_up_epochs());
  if (at.step < warm_up_steps) return spec.learning_rate() * at.warm_up(warm_up_steps);
  const double left = std::pow(1 - at.progress_since(warm_up_steps), double(spec.power()));
  return between(spec.learning_rate(), spec.final(), 1 - left);
}

double rate(const proto::Plateau& spec, const Position& at, double scale) {
  return std::max(double(spec.least()), spec.learning_rate() * scale) * at.warm_up(at.steps_in(spec.warm_up_epochs()));
}

double rate(const proto::Cosine& spec, const Position& at) {
  const std::int64_t warm_up_steps = at.steps_in(spec.warm_up_epochs());
  if (at.step < warm_up_steps) return spec.learning_rate() * at.warm_up(warm_up_steps);
  const double share = (1 - std::cos(std::numbers::pi * at.progress_since(warm_up_steps))) / 2;
  return between(spec.learning_rate(), spec.final(), share);
}

double rate(const proto::OneCycle& spec, const Position& at) {
  const std::int64_t peak_step = at.steps_in(spec.warm_up_epochs());
  if (at.step < peak_step) return between(spec.initial(), spec.peak(), double(at.step) / double(peak_step));
  return between(spec.peak(), spec.final(), at.progress_since(peak_step));
}

}  // namespace

float learning_rate_at(const proto::Schedule& schedule, std::int64_t step, std::int64_t steps_per_epoch,
                       std::int64_t total_steps, double plateau_scale) {
  CHECK(steps_per_epoch > 0 && step >= 0 && step < total_steps, "step {} of {}, {} an epoch", step, total_steps,
        steps_per_epoch);
  const Position at{step, steps_per_epoch, total_steps - 1};
  switch (schedule.kind_case()) {
    case proto::Schedule::kConstant:
    case proto::Schedule::KIND_NOT_SET:
      return float(rate(schedule.constant(), at));
    case proto::Schedule::kStepDecay:
      return float(rate(schedule.step_decay(), at));
    case proto::Schedule::kCosine:
      return float(rate(schedule.cosine(), at));
    case proto::Schedule::kOneCycle:
      return float(rate(schedule.one_cycle(), at));
    case proto::Schedule::kExponential:
      return float(rate(schedule.exponential(), at));
    case proto::Schedule::kPolynomial:
      return float(rate(schedule.polynomial(), at));
    case proto::Schedule::kMultiStep:
      return float(rate(schedule.multi_step(), at));
    case proto::Schedule::kPlateau:
      return float(rate(schedule.plateau(), at, plateau_scale));
  }
  CHECK(false, "schedule kind {} has no implementation", static_cast<int>(schedule.kind_case()));
}

bool depends_on_end(const proto::Schedule& schedule) {
  return schedule.has_cosine() || schedule.has_one_cycle() || schedule.has_polynomial();
}

}  // namespace lockstep
