#include "coordinator/schedule/median.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/schedule/rungs.h"

namespace lockstep {
namespace {

double best_up_to(const TrialProgress& trial, int epochs) {
  double best = std::numeric_limits<double>::infinity();
  for (int epoch = 1; epoch <= epochs; ++epoch) best = std::min(best, *value_at(trial, epoch));
  return best;
}

double mean_up_to(const TrialProgress& trial, int epochs) {
  double sum = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) sum += *value_at(trial, epoch);
  return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum / epochs;
}

}  // namespace

Verdict judge_median(const proto::MedianStopping& median, std::span<const TrialProgress> progress, int trial,
                     int max_epochs) {
  const TrialProgress& own = progress[static_cast<std::size_t>(trial)];
  const auto epochs = static_cast<int>(own.values.size());
  if (epochs < median.min_epochs() || epochs >= max_epochs) return {};
  std::vector<double> means;
  for (const TrialProgress& other : progress) {
    if (other.trial != trial && value_at(other, epochs)) means.push_back(mean_up_to(other, epochs));
  }
  const auto others = static_cast<int>(means.size());
  if (others == 0 || others < median.min_trials()) return {};
  std::sort(means.begin(), means.end());
  const double lower = means[(means.size() - 1) / 2];
  const double upper = means[means.size() / 2];
  const double middle = lower == upper ? lower : lower + (upper - lower) / 2;
  const double best = best_up_to(own, epochs);
  const auto better = std::lower_bound(means.begin(), means.end(), best) - means.begin();
  const bool stop = best > middle;
  return {.stop = stop,
          .reason = fmt::format("epoch {}: best value is {} than the median of the means of {}, of which {} better",
                                epochs, stop ? "worse" : "not worse", count_text(others, "other trial"),
                                better == 1 ? "1 is" : fmt::format("{} are", better))};
}

}  // namespace lockstep
