#include <algorithm>
#include <cmath>

#include "coordinator/search/parzen.h"
#include "coordinator/search/searchers.h"

namespace lockstep {
namespace {

constexpr double kShareOfGood = 0.1;
constexpr int kMostGood = 25;

}  // namespace

Suggestion suggest_tpe(const proto::TpeSearch& tpe, const Inquiry& question) {
  const std::vector<const Past*>& done = question.history.done();
  if (done.empty() || question.history.finished() < tpe.startup_trials()) return suggest_sobol(question);
  const int count =
      std::clamp(static_cast<int>(std::ceil(kShareOfGood * static_cast<double>(done.size()))), 1, kMostGood);
  const std::vector<const Past*> good(done.begin(), done.begin() + count);
  std::vector<const Past*> others;  // trials that failed or still run among them
  for (const Past& past : question.history.trials()) {
    if (std::find(good.begin(), good.end(), &past) == good.end()) others.push_back(&past);
  }
  const ParzenMixture density_of_good(question.space, good);
  const ParzenMixture density_of_others(question.space, others);

  Draws draws("search.tpe", question.seed, question.trial);
  Point best;
  double best_log_ratio = 0;
  for (int i = 0; i < tpe.candidates(); ++i) {
    Point candidate = density_of_good.sample(draws);
    const std::vector<double> snapped = question.space.snapped(candidate);
    if (question.history.tried(snapped)) continue;
    const double log_ratio = density_of_good.log_density(snapped) - density_of_others.log_density(snapped);
    if (best.empty() || log_ratio > best_log_ratio) {
      best = std::move(candidate);
      best_log_ratio = log_ratio;
    }
  }
  if (best.empty()) {
    const Suggestion random = suggest_random(question);
    return {random.assignments,
            fmt::format("TPE: all {} candidates were tried before, so instead: {}", tpe.candidates(), random.reason)};
  }
  return {question.space.at(best), fmt::format("TPE: best of {} candidates, density ratio {:.3g} from {} good and {} "
                                               "other trials",
                                               tpe.candidates(), std::exp(best_log_ratio), good.size(), others.size())};
}

}  // namespace lockstep
