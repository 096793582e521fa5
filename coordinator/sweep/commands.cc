#include "coordinator/sweep/commands.h"

#include <algorithm>

namespace lockstep {
namespace {

constexpr std::size_t kMostSweeps = 10'000;

Status precondition(const std::string& message) {
  return absl::FailedPreconditionError(message);
}

std::string sweep_name(const Sweep& sweep) {
  return fmt::format("sweep {} is {}", sweep.id, name_of(sweep.state));
}

StatusOr<const Trial*> find_trial(const Sweep& sweep, int number) {
  if (number < 0 || static_cast<std::size_t>(number) >= sweep.trials.size()) {
    return absl::NotFoundError(
        fmt::format("sweep {} has no trial {}: it has {} so far", sweep.id, number, sweep.trials.size()));
  }
  return &sweep.trials[static_cast<std::size_t>(number)];
}

}  // namespace

proto::Event& add_event(Events& events, const std::string& sweep) {
  proto::Event& event = events.emplace_back();
  event.set_sweep(sweep);
  return event;
}

void add_change(Events& events, const std::string& sweep, int trial, proto::TrialState state, std::string_view reason) {
  proto::TrialChanged& change = *add_event(events, sweep).mutable_trial_changed();
  change.set_trial(trial);
  change.set_state(state);
  change.set_reason(std::string(reason));
}

void add_change(Events& events, const std::string& sweep, proto::SweepState state, std::string_view reason) {
  proto::SweepChanged& change = *add_event(events, sweep).mutable_sweep_changed();
  change.set_state(state);
  change.set_reason(std::string(reason));
}

StatusOr<const Sweep*> find_sweep(const State& state, const std::string& id) {
  const Sweep* const sweep = state.find(id);
  if (sweep != nullptr) return sweep;
  return absl::NotFoundError(fmt::format("no sweep `{}`; `lockstep sweep ls` lists them", id));
}

StatusOr<Events> submit(const State& state, const proto::SweepSpec& spec) {
  if (state.sweeps.size() >= kMostSweeps) {
    return absl::ResourceExhaustedError(fmt::format("{} sweeps, the most there may be", state.sweeps.size()));
  }
  Events events;
  *add_event(events, fmt::format("s{}", state.submitted + 1)).mutable_sweep_submitted()->mutable_spec() = spec;
  return events;
}

StatusOr<Events> change(const State& state, const proto::ChangeRequest& request) {
  ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(state, request.sweep()));
  Events events;
  switch (request.wish()) {
    case proto::PAUSE:
      if (sweep->state == proto::SWEEP_PAUSED || sweep->state == proto::SWEEP_PAUSING) return events;
      if (sweep->state != proto::SWEEP_RUNNING) return precondition(sweep_name(*sweep) + ": only a running one pauses");
      add_change(events, sweep->id, proto::SWEEP_PAUSING, "asked to pause");
      return events;
    case proto::RESUME:
      if (sweep->state == proto::SWEEP_RUNNING) return events;
      if (sweep->state != proto::SWEEP_PAUSED && sweep->state != proto::SWEEP_PAUSING) {
        return precondition(sweep_name(*sweep) + ": only a paused one goes on; `retry` starts failed trials again");
      }
      add_change(events, sweep->id, proto::SWEEP_RUNNING, "asked to go on");
      return events;
    case proto::STOP:
      if (sweep->state == proto::SWEEP_STOPPING || sweep->is_ended()) return events;
      add_change(events, sweep->id, proto::SWEEP_STOPPING, "asked to stop");
      return events;
  }
  return absl::InvalidArgumentError("wish: not one of PAUSE, RESUME, STOP");
}

StatusOr<Events> retry(const State& state, const proto::RetryRequest& request) {
  ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(state, request.sweep()));
  const auto failed = [](const Trial& trial) {
    return trial.state == proto::TRIAL_FAILED || trial.state == proto::TRIAL_INFEASIBLE;
  };
  std::vector<int> trials(request.trial().begin(), request.trial().end());
  for (const int number : trials) {
    ASSIGN_OR_RETURN(const Trial* const trial, find_trial(*sweep, number));
    if (!failed(*trial)) {
      return precondition(fmt::format("trial {} of {} is {}: only failed and infeasible ones are tried again", number,
                                      sweep->id, name_of(trial->state)));
    }
  }
  if (trials.empty()) {
    for (const Trial& trial : sweep->trials) {
      if (failed(trial)) trials.push_back(trial.number);
    }
    if (trials.empty()) return precondition(fmt::format("no trial of {} has failed", sweep->id));
  }
  std::sort(trials.begin(), trials.end());
  trials.erase(std::unique(trials.begin(), trials.end()), trials.end());
  Events events;
  for (const int number : trials) {
    add_change(events, sweep->id, number, proto::TRIAL_WAITING, "asked to try again");
    events.back().mutable_trial_changed()->set_new_budget(true);
  }
  if (sweep->is_ended()) add_change(events, sweep->id, proto::SWEEP_RUNNING, "trials are tried again");
  return events;
}

StatusOr<Events> remove(const State& state, const proto::DeleteRequest& request) {
  ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(state, request.sweep()));
  if (!sweep->is_ended()) return precondition(sweep_name(*sweep) + ": stop it first");
  Events events;
  add_event(events, sweep->id).mutable_sweep_deleted();
  return events;
}

StatusOr<Events> pin(const State& state, const proto::PinRequest& request) {
  ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(state, request.sweep()));
  ASSIGN_OR_RETURN(const Trial* const trial, find_trial(*sweep, request.trial()));
  const auto found = std::find_if(trial->checkpoints.begin(), trial->checkpoints.end(),
                                  [&](const TrialCheckpoint& it) { return it.step == request.step() && !it.deleted; });
  if (found == trial->checkpoints.end()) {
    return absl::NotFoundError(
        fmt::format("trial {} of {} has no checkpoint of step {}; `lockstep sweep gc --dry-run {}` "
                    "lists them",
                    trial->number, sweep->id, request.step(), sweep->id));
  }
  Events events;
  if (found->pinned == request.pinned()) return events;
  proto::CheckpointPinned& event = *add_event(events, sweep->id).mutable_checkpoint_pinned();
  event.set_trial(trial->number);
  event.set_step(request.step());
  event.set_pinned(request.pinned());
  return events;
}

}  // namespace lockstep
