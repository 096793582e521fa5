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

// Of a sweep as it is now: who its best trials are is asked once, in time proportional to its trials.
class Retention {
 public:
  // Requires: the sweep outlives it and does not change.
  explicit Retention(const Sweep& sweep);
  // One for each checkpoint of the trial that is there, by step.
  std::vector<Keep> of(const Trial& trial) const;

 private:
  const Sweep& sweep_;
  std::vector<bool> result_stays_;  // by trial; empty: all do
};

std::vector<Keep> retention(const Sweep& sweep, const Trial& trial);
std::vector<Keep> retention(const Sweep& sweep);

// CheckpointDeleted for all that go: durable before the files are removed.
Events deletions(const Sweep& sweep, const std::vector<Keep>& keeps);

}  // namespace lockstep
