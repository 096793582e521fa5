#include "coordinator/schedule/rungs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lockstep {

std::vector<int> rungs(int min_epochs, int eta, int max_epochs) {
  CHECK(min_epochs >= 1 && eta >= 2, "min_epochs {}, eta {}", min_epochs, eta);
  std::vector<int> epochs;
  for (std::int64_t epoch = min_epochs; epoch < max_epochs; epoch *= eta) epochs.push_back(static_cast<int>(epoch));
  epochs.push_back(max_epochs);
  return epochs;
}

int until_epoch(std::span<const int> rungs, std::size_t rung) {
  return rung + 1 == rungs.size() ? 0 : rungs[rung];
}

std::optional<double> value_at(const TrialProgress& trial, int epoch) {
  const auto wanted = static_cast<std::size_t>(epoch);
  const bool ended_early = trial.state == TrialProgress::State::kCompleted && !trial.values.empty();
  if (trial.values.size() < wanted && !ended_early) return std::nullopt;
  const double value = trial.values[std::min(wanted, trial.values.size()) - 1];
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

void sort_best_first(std::vector<Placed>& placed) {
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    if (a.value.has_value() != b.value.has_value()) return a.value.has_value();
    if (a.value != b.value) return a.value < b.value;
    return a.trial < b.trial;
  });
}

std::string rung_text(std::span<const int> rungs, std::size_t rung) {
  return fmt::format("rung {} ({})", rung, count_text(rungs[rung], "epoch"));
}

std::string rank_text(std::span<const int> rungs, std::size_t rung, std::size_t rank, std::size_t of, int best) {
  return fmt::format("{}: rank {} of {}, best {} {} on", rung_text(rungs, rung), rank + 1, of, best,
                     best == 1 ? "goes" : "go");
}

std::string count_text(int count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace lockstep
