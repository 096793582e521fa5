// What a search is told of the trials so far: values of like things.
//
// A trial that was stopped after one epoch is not to be compared with one that was trained to the end. Where a
// scheduler stops trials at rungs, the values are those at the highest rung to which enough trials have come: more than
// the parameters and one, and as many as the search wants before its first model (Falkner et al. 2018,
// arXiv:1807.01774, section 3.2). With median stopping they are those of the most epochs that more than half of the
// trials, and enough, have reached. A value is the best up to there. A trial that has not come so far counts as one
// that still runs, and so does one that failed without a value by what may be the machine's fault: it says nothing of
// parameters. Where nothing has enough values, nothing has a value. Threads: functions are independent.
#pragma once

#include <string>
#include <vector>

#include "coordinator/search/search.h"
#include "coordinator/sweep/state.h"

namespace lockstep {

struct Evidence {
  std::vector<Observation> trials;
  std::string basis;  // which values these are, for the reason of a suggestion; empty: those of whole trainings
};

// For the choice of trial `new_trial`. With run_to_end only trials up to `parallel` before it have values.
Evidence evidence(const Sweep& sweep, int new_trial);

}  // namespace lockstep
