// What is to be done next, as events: trials created and started, sweeps ended. Pure; called until it has nothing more.
//
// Cores go to the sweep that holds the fewest; when its next trial does not fit, nothing else is started before it, so
// that a wide trial is not kept waiting by narrow ones for ever.
// While a sweep's next trial is thought about, its place is kept; see suggestion.h.
#pragma once

#include <functional>
#include <span>

#include "coordinator/sweep/commands.h"
#include "coordinator/sweep/suggestion.h"

namespace lockstep {

struct Resources {
  std::span<const int> cores;              // all of the machine that trials may use
  std::function<std::string()> new_token;  // a secret for an attempt
  const Answers& answers;                  // of the searches so far
  Absence absence = {};                    // of the coordinator, the last one
};

struct Plan {
  Events events;                    // empty when there is nothing to do now; apply them, then call again
  std::vector<std::string> wanted;  // without events: sweeps whose question() is to be answered for a trial that fits
};
Plan plan(const State& state, const Resources& resources, std::int64_t now_ms);

// The earliest time after now_ms at which plan() may have something to do without a new event, at most a day later;
// none: never.
std::optional<std::int64_t> next_time(const State& state, std::int64_t now_ms, const Absence& absence = {});

// The first trials that a spec would create. Requires: a complete spec.
std::vector<proto::TrialCreated> first_suggestions(const proto::SweepSpec& spec, int count);

// Epochs of all its trials together, if as many are stopped at each rung as the scheduler means to.
double expected_epochs(const proto::SweepSpec& spec);

// Trials that a spec creates at most.
int most_trials(const proto::SweepSpec& spec);

}  // namespace lockstep
