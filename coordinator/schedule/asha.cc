#include "coordinator/schedule/asha.h"

#include <algorithm>

#include "coordinator/schedule/run_to_end.h"
#include "coordinator/schedule/rungs.h"

namespace lockstep {
namespace {

using State = TrialProgress::State;

// Whether a failed trial without a value at this rung was on its way to it: it had passed the rung before, and was told
// to train beyond that.
bool failed_before(const TrialProgress& trial, std::span<const int> rungs, std::size_t rung) {
  if (trial.state != State::kFailed) return false;
  if (rung == 0) return true;
  const int before = rungs[rung - 1];
  return value_at(trial, before) && (trial.until_epoch == 0 || trial.until_epoch > before);
}

// The trials that have come to a rung or failed before it, best first.
std::vector<Placed> ranking(std::span<const TrialProgress> progress, std::span<const int> rungs, std::size_t rung) {
  std::vector<Placed> placed;
  for (const TrialProgress& trial : progress) {
    const std::optional<double> value = value_at(trial, rungs[rung]);
    if (value || failed_before(trial, rungs, rung)) placed.push_back({trial.trial, value});
  }
  sort_best_first(placed);
  return placed;
}

// The best of the first `places` trials that is paused at this rung.
std::optional<Next> promotion(std::span<const TrialProgress> progress, std::span<const int> rungs, std::size_t rung,
                              std::span<const Placed> ranking, std::size_t places) {
  for (std::size_t rank = 0; rank < std::min(places, ranking.size()); ++rank) {
    const TrialProgress& trial = progress[static_cast<std::size_t>(ranking[rank].trial)];
    if (trial.state != State::kPaused || trial.until_epoch != rungs[rung]) continue;
    return Next{.what = Next::What::kResume,
                .trial = trial.trial,
                .until_epoch = until_epoch(rungs, rung + 1),
                .reason = rank_text(rungs, rung, rank, ranking.size(), static_cast<int>(places))};
  }
  return std::nullopt;
}

// When nothing else is left to do.
std::optional<Next> last_promotion(std::span<const TrialProgress> progress, std::span<const int> rungs) {
  const bool over = std::none_of(progress.begin(), progress.end(), [](const TrialProgress& it) {
    return it.state == State::kRunning || it.state == State::kCompleted;
  });
  if (!over) return std::nullopt;
  for (std::size_t rung = rungs.size() - 1; rung-- > 0;) {
    const std::vector<Placed> all = ranking(progress, rungs, rung);
    std::optional<Next> found = promotion(progress, rungs, rung, all, all.size());
    if (!found) continue;
    found->reason = rung_text(rungs, rung) + ": the best that is left, so that one is trained to the end";
    return found;
  }
  return std::nullopt;
}

}  // namespace

Next next_asha(const proto::Asha& asha, std::span<const TrialProgress> progress, int most_trials, int max_epochs) {
  if (!asha.promote()) return next_to_end(progress, most_trials);
  const std::vector<int> all_rungs = rungs(asha.min_epochs(), asha.eta(), max_epochs);
  for (std::size_t rung = all_rungs.size() - 1; rung-- > 0;) {
    const std::vector<Placed> all = ranking(progress, all_rungs, rung);
    const std::size_t places = all.size() / static_cast<std::size_t>(asha.eta());
    if (std::optional<Next> found = promotion(progress, all_rungs, rung, all, places)) return *std::move(found);
  }
  const auto created = static_cast<int>(progress.size());
  if (created < most_trials) {
    return {.what = Next::What::kCreate,
            .until_epoch = until_epoch(all_rungs, 0),
            .reason = fmt::format("trial {} of {}, to {}", created + 1, most_trials, rung_text(all_rungs, 0))};
  }
  if (std::optional<Next> found = last_promotion(progress, all_rungs)) return *std::move(found);
  return wait_or_done(progress);
}

Verdict judge_asha(const proto::Asha& asha, std::span<const TrialProgress> progress, int trial, int max_epochs) {
  if (asha.promote()) return {};
  const std::vector<int> all_rungs = rungs(asha.min_epochs(), asha.eta(), max_epochs);
  const auto epoch = static_cast<int>(progress[static_cast<std::size_t>(trial)].values.size());
  const auto at = std::find(all_rungs.begin(), all_rungs.end() - 1, epoch);
  if (at == all_rungs.end() - 1) return {};
  const auto rung = static_cast<std::size_t>(at - all_rungs.begin());
  const std::vector<Placed> all = ranking(progress, all_rungs, rung);
  const auto own = std::find_if(all.begin(), all.end(), [&](const Placed& it) { return it.trial == trial; });
  const auto rank = static_cast<std::size_t>(own - all.begin());
  const std::size_t places = all.size() / static_cast<std::size_t>(asha.eta());
  if (places == 0) {
    return {.reason = fmt::format("{}: rank {} of {}, all go on while fewer than {} have come",
                                  rung_text(all_rungs, rung), rank + 1, all.size(), asha.eta())};
  }
  return {.stop = rank >= places, .reason = rank_text(all_rungs, rung, rank, all.size(), static_cast<int>(places))};
}

}  // namespace lockstep
