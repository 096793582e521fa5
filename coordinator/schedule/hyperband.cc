#include "coordinator/schedule/hyperband.h"

#include <cmath>
#include <numeric>

#include "coordinator/schedule/run_to_end.h"
#include "coordinator/schedule/rungs.h"
#include "coordinator/schedule/successive_halving.h"

namespace lockstep {
namespace {

struct Bracket {
  int first = 0;  // trial
  int end = 0;    // behind its last
  std::vector<int> rungs;
};

std::vector<Bracket> brackets(const proto::Hyperband& hyperband, int trials, int max_epochs) {
  const std::vector<int> rungs = rungs_of_hyperband(hyperband, max_epochs);
  const auto count = static_cast<int>(rungs.size());
  std::vector<double> sizes;
  for (int s = count - 1; s >= 0; --s) sizes.push_back(std::ceil(count * std::pow(hyperband.eta(), s) / (s + 1)));
  const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  std::vector<Bracket> all;
  double dealt = 0;
  int first = 0;
  for (int i = 0; i < count; ++i) {
    dealt += sizes[static_cast<std::size_t>(i)];
    const auto end = static_cast<int>(std::lround(trials * dealt / sum));
    all.push_back({.first = first, .end = end, .rungs = {rungs.begin() + i, rungs.end()}});
    first = end;
  }
  return all;
}

}  // namespace

std::vector<int> rungs_of_hyperband(const proto::Hyperband& hyperband, int max_epochs) {
  std::vector<int> epochs{max_epochs};
  while (epochs.front() / hyperband.eta() >= hyperband.min_epochs()) {
    epochs.insert(epochs.begin(), epochs.front() / hyperband.eta());
  }
  return epochs;
}

Next next_hyperband(const proto::Hyperband& hyperband, std::span<const TrialProgress> progress, int most_trials,
                    int max_epochs) {
  const std::vector<Bracket> all = brackets(hyperband, most_trials, max_epochs);
  const auto created = static_cast<int>(progress.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Bracket& bracket = all[i];
    if (created < bracket.end) {
      return {.what = Next::What::kCreate,
              .bracket = static_cast<int>(i),
              .until_epoch = until_epoch(bracket.rungs, 0),
              .reason = fmt::format("trial {} of {}, to rung 0 ({}) of bracket {}", created + 1, most_trials,
                                    count_text(bracket.rungs[0], "epoch"), i)};
    }
    std::vector<int> members(static_cast<std::size_t>(bracket.end - bracket.first));
    std::iota(members.begin(), members.end(), bracket.first);
    std::optional<Next> next = next_promotion(std::move(members), progress, bracket.rungs, hyperband.eta());
    if (!next) continue;
    next->bracket = static_cast<int>(i);
    next->reason = fmt::format("bracket {}, {}", i, next->reason);
    return *std::move(next);
  }
  return wait_or_done(progress);
}

double epochs_of_hyperband(const proto::Hyperband& hyperband, int trials, int max_epochs) {
  double sum = 0;
  for (const Bracket& bracket : brackets(hyperband, trials, max_epochs)) {
    sum += epochs_of_halving(bracket.end - bracket.first, hyperband.eta(), bracket.rungs);
  }
  return sum;
}

}  // namespace lockstep
