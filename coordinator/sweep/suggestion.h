// What the search of a sweep is asked, and answers. Pure.
//
// A search may take long, so it is not called where the coordinator decides: plan() names the question, whoever likes
// answers it from a copy of all that the search looks at, and the answer counts while nothing has come between.
// A search that learns (TPE, GP) waits for the trials up to `parallel` before the new one and never looks at later
// ones, so that with run_to_end its suggestions do not depend on timing.
// Threads: functions are independent.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/search/search.h"
#include "coordinator/sweep/state.h"

namespace lockstep {

// The parameters of the next trial of a sweep.
struct Question {
  std::string sweep;
  int trial = 0;  // its number: so many trials the sweep has
  proto::Search search;
  google::protobuf::RepeatedPtrField<proto::Parameter> parameters;
  std::uint64_t seed = 0;
  std::vector<Observation> observations;
  std::string basis;  // which values they are (evidence.h); the answer's reason says it
};

// Whether a learning search has all the results it is to see.
bool may_ask(const Sweep& sweep);
Question question(const Sweep& sweep);
Suggestion answer(const Question& question);

// Of each sweep at most one: that of its next trial.
struct Answer {
  int trial = 0;
  Suggestion suggestion;
};
using Answers = std::map<std::string, Answer>;

// Whether an answer to a question of that trial counts: the sweep runs, and it has exactly so many trials.
bool counts(const State& state, const std::string& sweep, int trial);

}  // namespace lockstep
