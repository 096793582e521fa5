#include "coordinator/search/search.h"

#include <limits>

#include "coordinator/search/searchers.h"

namespace lockstep {

int most_trials(const proto::Search& search, const SearchSpace& space) {
  return search.has_grid() ? grid_points(search.grid(), space) : std::numeric_limits<int>::max();
}

Suggestion suggest(const proto::Search& search, const SearchSpace& space, std::span<const Observation> observations,
                   std::uint64_t seed, int trial) {
  CHECK(trial >= 0, "trial {}", trial);
  if (space.dimensions() == 0) return {{}, "no parameters"};
  const History history(space, observations);
  const Question question{space, history, seed, trial};
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
