#include "coordinator/sweep/state.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "storage/base/status.h"

namespace lockstep {
namespace {

// "TRIAL_WAITING" -> "waiting".
std::string short_name(const std::string& name) {
  std::string text = name.substr(name.find('_') + 1);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return text;
}

}  // namespace

bool Trial::is_live() const {
  return state == proto::TRIAL_RUNNING || is_asked();
}

bool Trial::is_ended() const {
  return state == proto::TRIAL_COMPLETED || state == proto::TRIAL_STOPPED || state == proto::TRIAL_INFEASIBLE ||
         state == proto::TRIAL_FAILED;
}

bool Trial::is_asked() const {
  return state == proto::TRIAL_PAUSING || state == proto::TRIAL_STOPPING;
}

const Attempt* Trial::live_attempt() const {
  return !attempts.empty() && !attempts.back().ended ? &attempts.back() : nullptr;
}

bool Sweep::maximizes() const {
  return spec.objective().direction() == proto::MAXIMIZE;
}

double Sweep::cost(const proto::Evaluated& evaluation) const {
  const double value = metric_of(evaluation, objective_name(spec.objective()));
  if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
  return maximizes() ? -value : value;
}

int Sweep::cores_per_trial() const {
  return spec.ranks() * spec.job().execution().threads_per_rank();
}

Sweep* State::find(std::string_view id) {
  const auto found = std::find_if(sweeps.begin(), sweeps.end(), [&](const Sweep& it) { return it.id == id; });
  return found == sweeps.end() ? nullptr : &*found;
}

const Sweep* State::find(std::string_view id) const {
  return const_cast<State*>(this)->find(id);
}

double live_core_seconds(const Trial& trial, std::int64_t now_ms, const Absence& absence) {
  const Attempt* const attempt = trial.live_attempt();
  if (attempt == nullptr) return 0;
  const std::int64_t begin = attempt->planned_ms;
  const std::int64_t away = std::max<std::int64_t>(0, absence.to_ms - std::max(begin, absence.from_ms));
  const auto ms = static_cast<double>(std::max<std::int64_t>(0, now_ms - begin - away));
  return ms * 1e-3 * static_cast<double>(attempt->cores.size());
}

const proto::Evaluated* best_evaluation(const Sweep& sweep, const Trial& trial) {
  const auto best = std::min_element(trial.evaluations.begin(), trial.evaluations.end(),
                                     [&](const auto& a, const auto& b) { return sweep.cost(a) < sweep.cost(b); });
  return best == trial.evaluations.end() || std::isinf(sweep.cost(*best)) ? nullptr : &*best;
}

const Trial* best_trial(const Sweep& sweep) {
  const Trial* best = nullptr;
  double best_cost = 0;
  for (const Trial& trial : sweep.trials) {
    const proto::Evaluated* const evaluation = best_evaluation(sweep, trial);
    if (evaluation == nullptr) continue;
    const double cost = sweep.cost(*evaluation);
    if (best == nullptr || cost < best_cost) {
      best = &trial;
      best_cost = cost;
    }
  }
  return best;
}

std::string objective_name(const proto::Objective& objective) {
  if (objective.has_metric_name()) return objective.metric_name();
  return objective.metric() == proto::LOSS ? "loss" : "accuracy";
}

double metric_of(const proto::Evaluated& evaluation, std::string_view name) {
  if (name == "loss") return evaluation.loss();
  if (name == "accuracy" && evaluation.has_accuracy()) return evaluation.accuracy();
  for (const proto::MetricValue& it : evaluation.metric()) {
    if (it.name() == name) return it.value();
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string name_of(proto::TrialState state) {
  return short_name(proto::TrialState_Name(state));
}

std::string name_of(proto::SweepState state) {
  return short_name(proto::SweepState_Name(state));
}

}  // namespace lockstep
