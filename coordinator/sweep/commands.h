// What people ask of a sweep, as events. Pure: nothing is changed until the events are applied.
// Errors: kNotFound, kFailedPrecondition (the message says what can be done instead), kInvalidArgument.
#pragma once

#include <vector>

#include "coordinator/sweep/state.h"
#include "coordinator/sweep/submission.h"
#include "proto/coordinator.pb.h"

namespace lockstep {

using Events = std::vector<proto::Event>;

// An event of a sweep, to be filled in.
proto::Event& add_event(Events& events, const std::string& sweep);
void add_change(Events& events, const std::string& sweep, int trial, proto::TrialState state, std::string_view reason);
void add_change(Events& events, const std::string& sweep, proto::SweepState state, std::string_view reason);

// Requires: complete_and_check found no fault of it. Errors: kResourceExhausted.
StatusOr<Events> submit(const State& state, const proto::SweepSpec& spec);
StatusOr<Events> change(const State& state, const proto::ChangeRequest& request);
StatusOr<Events> retry(const State& state, const proto::RetryRequest& request);
StatusOr<Events> remove(const State& state, const proto::DeleteRequest& request);
StatusOr<Events> pin(const State& state, const proto::PinRequest& request);

StatusOr<const Sweep*> find_sweep(const State& state, const std::string& id);

}  // namespace lockstep
