#include "coordinator/search/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/search/combinations.h"
#include "coordinator/search/searchers.h"

namespace lockstep {

namespace {

// Whether a real number is part of every combination, so that no two draws are the same.
bool never_repeats(const SearchSpace& space) {
  for (int d = 0; d < space.dimensions(); ++d) {
    if (space.parent(d) < 0 && std::isinf(space.values(d))) return true;
  }
  return false;
}

}  // namespace

int most_trials(const proto::Search& search, const SearchSpace& space) {
  constexpr std::uint64_t kMost = std::numeric_limits<int>::max();
  if (search.has_grid()) return grid_points(search.grid(), space);
  if (never_repeats(space)) return kMost;
  return static_cast<int>(std::min(Combinations::all(space).count(), kMost));
}

bool learns(const proto::Search& search) {
  return search.has_tpe() || search.has_gp();
}

bool looks_at_trials(const proto::Search& search, const SearchSpace& space) {
  return learns(search) || (!search.has_grid() && !never_repeats(space));
}

Suggestion suggest(const proto::Search& search, const SearchSpace& space, std::span<const Observation> observations,
                   std::uint64_t seed, int trial) {
  CHECK(trial >= 0, "trial {}", trial);
  if (space.dimensions() == 0) return {{}, "no parameters"};
  const History history(space, observations);
  const Inquiry question{space, history, seed, trial};
  switch (search.kind_case()) {
    case proto::Search::kGrid:
      return suggest_grid(search.grid(), question);
    case proto::Search::kSobol:
      return suggest_sobol(question);
    case proto::Search::kTpe:
      return suggest_tpe(search.tpe(), question);
    case proto::Search::kGp:
      return suggest_gp(search.gp(), question);
    case proto::Search::kRandom:
    case proto::Search::KIND_NOT_SET:
      break;
  }
  return suggest_random(question);
}

}  // namespace lockstep
