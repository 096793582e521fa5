// The search: which parameters the next trial of a sweep gets, and why.
//
// suggest() is a function of its arguments: the same ones give the same bits, the observations in any order. It keeps
// nothing, so that a coordinator that starts again, or a replay, finds the same trials.
// Threads: functions are independent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "coordinator/search/space.h"

namespace lockstep {

// What is known of a trial that was suggested before.
struct Observation {
  enum class State {
    kDone,     // it has a value
    kFailed,   // it is infeasible or failed for good: the search keeps away from its parameters
    kPending,  // it still runs
  };
  int trial = 0;
  std::vector<proto::Assignment> assignments;
  State state = State::kPending;
  double value = 0;  // of a trial that is done; smaller is better. One that is not finite counts as failed.
};

struct Suggestion {
  std::vector<proto::Assignment> assignments;  // of the active parameters, in their order
  std::string reason;                          // how they were found, for people
};

// Trials after which there is nothing new: the points of a grid; for any other search the combinations of the
// parameters, where there are finitely many. At most INT_MAX.
int most_trials(const proto::Search& search, const SearchSpace& space);

// Whether the search models the values of the trials before.
bool learns(const proto::Search& search);

// Whether suggest() looks at the trials before; one that does not learn only so that it repeats none.
bool looks_at_trials(const proto::Search& search, const SearchSpace& space);

// Parameters of trial number `trial`. Nothing is suggested that was observed before: where there are at most a million
// combinations as long as one is left, otherwise as long as something else is found in a bounded number of draws. If
// something is suggested again, the reason says so.
// Requires: trial >= 0, and of a grid less than most_trials; observations of different trials.
Suggestion suggest(const proto::Search& search, const SearchSpace& space, std::span<const Observation> observations,
                   std::uint64_t seed, int trial);

}  // namespace lockstep
