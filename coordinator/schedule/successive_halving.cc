#include "coordinator/schedule/successive_halving.h"

#include <algorithm>
#include <numeric>

#include "coordinator/schedule/run_to_end.h"
#include "coordinator/schedule/rungs.h"

namespace lockstep {
namespace {

using State = TrialProgress::State;

std::size_t survivors(std::size_t trials, int eta) {
  return std::max<std::size_t>(1, trials / static_cast<std::size_t>(eta));
}

bool has_left(const TrialProgress& trial, int epoch) {
  return trial.until_epoch == 0 || trial.until_epoch > epoch;
}

// Who goes on from a rung.
struct Choice {
  bool decided = false;
  std::vector<Placed> ranking;  // of all trials of the rung
  std::vector<int> chosen;      // first those that have left it, then the best others
};

Choice choose(const std::vector<int>& members, std::span<const TrialProgress> progress, int epoch, int eta) {
  Choice choice;
  bool all_there = true;
  for (const int number : members) {
    const TrialProgress& trial = progress[static_cast<std::size_t>(number)];
    choice.ranking.push_back({number, value_at(trial, epoch)});
    all_there &= choice.ranking.back().value.has_value() || trial.state != State::kRunning;
    if (has_left(trial, epoch)) choice.chosen.push_back(number);
  }
  const std::size_t places = survivors(members.size(), eta);
  choice.decided = all_there || choice.chosen.size() >= places;
  if (!choice.decided) return choice;
  sort_best_first(choice.ranking);
  for (const Placed& it : choice.ranking) {
    if (choice.chosen.size() >= places || !it.value) break;
    if (!has_left(progress[static_cast<std::size_t>(it.trial)], epoch)) choice.chosen.push_back(it.trial);
  }
  return choice;
}

}  // namespace

std::optional<Next> next_promotion(std::vector<int> members, std::span<const TrialProgress> progress,
                                   const std::vector<int>& rungs, int eta) {
  for (std::size_t rung = 0; rung + 1 < rungs.size() && !members.empty(); ++rung) {
    const int epoch = rungs[rung];
    Choice choice = choose(members, progress, epoch, eta);
    if (!choice.decided) break;
    for (const int number : choice.chosen) {
      const TrialProgress& trial = progress[static_cast<std::size_t>(number)];
      if (trial.state != State::kPaused || has_left(trial, epoch)) continue;
      const auto at = std::find_if(choice.ranking.begin(), choice.ranking.end(),
                                   [&](const Placed& it) { return it.trial == number; });
      const auto rank = static_cast<std::size_t>(at - choice.ranking.begin());
      const auto best = static_cast<int>(survivors(members.size(), eta));
      return Next{.what = Next::What::kResume,
                  .trial = number,
                  .until_epoch = until_epoch(rungs, rung + 1),
                  .reason = rank_text(rungs, rung, rank, members.size(), best)};
    }
    members = std::move(choice.chosen);
  }
  return std::nullopt;
}

Next next_halving(const proto::SuccessiveHalving& halving, std::span<const TrialProgress> progress, int most_trials,
                  int max_epochs) {
  const std::vector<int> all_rungs = rungs(halving.min_epochs(), halving.eta(), max_epochs);
  const auto created = static_cast<int>(progress.size());
  if (created < most_trials) {
    return {.what = Next::What::kCreate,
            .until_epoch = until_epoch(all_rungs, 0),
            .reason = fmt::format("trial {} of {}, to {}", created + 1, most_trials, rung_text(all_rungs, 0))};
  }
  std::vector<int> members(progress.size());
  std::iota(members.begin(), members.end(), 0);
  if (std::optional<Next> next = next_promotion(std::move(members), progress, all_rungs, halving.eta())) {
    return *std::move(next);
  }
  return wait_or_done(progress);
}

double epochs_of_halving(int trials, int eta, std::span<const int> rungs) {
  if (trials == 0) return 0;
  double sum = 0;
  auto left = static_cast<std::size_t>(trials);
  int before = 0;
  for (const int epoch : rungs) {
    sum += static_cast<double>(left) * (epoch - before);
    before = epoch;
    left = survivors(left, eta);
  }
  return sum;
}

}  // namespace lockstep
