// Which checkpoints stay, and why. Pure.
//
// A checkpoint stays while anything needs it: a trial that may go on needs its newest; the best value's checkpoint of a
// trial is its result; a pinned one stays always. When the sweep has ended and keeps only its best trials, the results
// of the others go.
#pragma once

#include <string>
#include <vector>

#include "coordinator/sweep/commands.h"

namespace lockstep {

struct Keep {
  int trial = 0;
  std::int64_t step = 0;
  bool goes = false;
  std::string reason;
};

// One for each checkpoint of the trial that is there, by step.
std::vector<Keep> retention(const Sweep& sweep, const Trial& trial);
std::vector<Keep> retention(const Sweep& sweep);

// CheckpointDeleted for all that go: durable before the files are removed.
Events deletions(const Sweep& sweep, const std::vector<Keep>& keeps);

}  // namespace lockstep
