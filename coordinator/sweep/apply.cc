#include <algorithm>
#include <csignal>

#include "coordinator/sweep/state.h"
#include "storage/base/exit_code.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

Trial& trial_of(Sweep& sweep, int number) {
  CHECK(number >= 0 && static_cast<std::size_t>(number) < sweep.trials.size(), "sweep {} has no trial {}", sweep.id,
        number);
  return sweep.trials[static_cast<std::size_t>(number)];
}

Attempt& attempt_of(Trial& trial, int number) {
  CHECK(number >= 1 && static_cast<std::size_t>(number) <= trial.attempts.size(), "trial {} has no attempt {}",
        trial.number, number);
  return trial.attempts[static_cast<std::size_t>(number - 1)];
}

TrialProgress::State progress_of(proto::TrialState state) {
  switch (state) {
    case proto::TRIAL_PAUSED:
      return TrialProgress::State::kPaused;
    case proto::TRIAL_COMPLETED:
      return TrialProgress::State::kCompleted;
    case proto::TRIAL_STOPPED:
      return TrialProgress::State::kStopped;
    case proto::TRIAL_INFEASIBLE:
    case proto::TRIAL_FAILED:
      return TrialProgress::State::kFailed;
    case proto::TRIAL_WAITING:
    case proto::TRIAL_RUNNING:
    case proto::TRIAL_PAUSING:
    case proto::TRIAL_STOPPING:  // its attempt is alive still
      return TrialProgress::State::kRunning;
  }
  CHECK(false, "trial state {}", static_cast<int>(state));
}

TrialProgress& progress_of(Sweep& sweep, int trial) {
  return sweep.progress[static_cast<std::size_t>(trial)];
}

void create(Sweep& sweep, const proto::TrialCreated& event, std::int64_t time_ms) {
  CHECK(static_cast<std::size_t>(event.trial()) == sweep.trials.size(), "trial {} of {}", event.trial(), sweep.id);
  Trial& trial = sweep.trials.emplace_back();
  trial.number = event.trial();
  trial.assignments.assign(event.assignment().begin(), event.assignment().end());
  trial.choice_reason = event.reason();
  trial.bracket = event.bracket();
  trial.changed_ms = time_ms;
  sweep.progress.push_back({.trial = event.trial(),
                            .bracket = event.bracket(),
                            .state = TrialProgress::State::kRunning,
                            .values = {},
                            .until_epoch = 0});
}

void change(Sweep& sweep, const proto::TrialChanged& event, std::int64_t time_ms) {
  Trial& trial = trial_of(sweep, event.trial());
  sweep.live_trials -= trial.is_live() ? 1 : 0;
  trial.state = event.state();
  trial.reason = event.reason();
  trial.not_before_ms = event.not_before_ms();
  trial.changed_ms = time_ms;
  sweep.live_trials += trial.is_live() ? 1 : 0;
  if (event.new_budget()) {
    trial.failures = 0;
    trial.budget_from = trial.attempts.size();
  }
  progress_of(sweep, trial.number).state = progress_of(trial.state);
}

void plan(Sweep& sweep, const proto::AttemptPlanned& event, std::int64_t time_ms) {
  Trial& trial = trial_of(sweep, event.trial());
  CHECK(trial.live_attempt() == nullptr, "trial {} of {} has a live attempt", trial.number, sweep.id);
  Attempt& attempt = trial.attempts.emplace_back();
  attempt.number = event.attempt();
  attempt.token = event.token();
  attempt.cores.assign(event.core().begin(), event.core().end());
  attempt.until_epoch = event.until_epoch();
  attempt.planned_ms = time_ms;
  trial.until_epoch = event.until_epoch();
  progress_of(sweep, trial.number).until_epoch = event.until_epoch();
  sweep.live_cores += static_cast<int>(attempt.cores.size());
}

// Logs of version 1 do not say: exit codes 0 and 75 were no failure, and nothing was the machine's.
proto::AttemptFault fault_of(const proto::AttemptEnded& event, const Trial& trial) {
  if (event.has_fault()) return event.fault();
  const int code = event.exit_code();
  const bool died_of_asking = trial.is_asked() && code == 128 + SIGUSR1;
  const bool good = event.end() == proto::EXITED && (code == kExitDone || code == kExitStopped || died_of_asking);
  return good ? proto::NO_FAULT : proto::FAULT_OF_RUN;
}

void end(Sweep& sweep, const proto::AttemptEnded& event, std::int64_t time_ms) {
  Trial& trial = trial_of(sweep, event.trial());
  Attempt& attempt = attempt_of(trial, event.attempt());
  attempt.ended = true;
  attempt.ended_ms = time_ms;
  attempt.end = event.end();
  attempt.exit_code = event.exit_code();
  attempt.message = event.message();
  const proto::AttemptFault fault = fault_of(event, trial);
  attempt.fault = fault;
  trial.failures = fault == proto::NO_FAULT ? 0 : trial.failures + 1;
  if (fault == proto::FAULT_OF_MACHINE) sweep.suspects.insert(trial.number);
  const auto cores = static_cast<int>(attempt.cores.size());
  const double seconds =
      event.has_seconds() ? event.seconds() : static_cast<double>(time_ms - attempt.planned_ms) * 1e-3;
  const double core_seconds = seconds * cores;
  trial.core_seconds += core_seconds;
  sweep.core_seconds += core_seconds;
  sweep.live_cores -= cores;
}

void evaluate(Sweep& sweep, const proto::Evaluated& event) {
  Trial& trial = trial_of(sweep, event.trial());
  CHECK(static_cast<std::size_t>(event.epoch()) == trial.evaluations.size() + 1, "trial {} of {}: epoch {} after {}",
        trial.number, sweep.id, event.epoch(), trial.evaluations.size());
  trial.evaluations.push_back(event);
  trial.failures = 0;
  if (!trial.attempts.empty()) trial.attempts.back().evaluated = true;
  sweep.suspects.clear();
  progress_of(sweep, trial.number).values.push_back(sweep.cost(event));
}

TrialCheckpoint* find(Trial& trial, std::int64_t step) {
  const auto found = std::find_if(trial.checkpoints.begin(), trial.checkpoints.end(),
                                  [&](const TrialCheckpoint& it) { return it.step == step; });
  return found == trial.checkpoints.end() ? nullptr : &*found;
}

// A run that goes on from an older checkpoint writes later ones again: the same bytes.
void note_checkpoint(Sweep& sweep, const proto::CheckpointWritten& event) {
  Trial& trial = trial_of(sweep, event.trial());
  if (find(trial, event.step()) != nullptr) return;
  TrialCheckpoint checkpoint{.attempt = event.attempt(), .step = event.step(), .parent_step = {}, .path = event.path()};
  if (event.has_parent_step()) checkpoint.parent_step = event.parent_step();
  const auto later = std::find_if(trial.checkpoints.begin(), trial.checkpoints.end(),
                                  [&](const TrialCheckpoint& it) { return it.step > event.step(); });
  trial.checkpoints.insert(later, std::move(checkpoint));
}

void apply_to_sweep(Sweep& sweep, const proto::Event& event) {
  switch (event.kind_case()) {
    case proto::Event::kSweepChanged:
      sweep.state = event.sweep_changed().state();
      sweep.reason = event.sweep_changed().reason();
      sweep.ended_ms = sweep.is_ended() ? event.time_ms() : 0;
      if (sweep.state == proto::SWEEP_RUNNING) sweep.suspects.clear();
      return;
    case proto::Event::kTrialCreated:
      return create(sweep, event.trial_created(), event.time_ms());
    case proto::Event::kTrialChanged:
      return change(sweep, event.trial_changed(), event.time_ms());
    case proto::Event::kAttemptPlanned:
      return plan(sweep, event.attempt_planned(), event.time_ms());
    case proto::Event::kAttemptAttached:
      attempt_of(trial_of(sweep, event.attempt_attached().trial()), event.attempt_attached().attempt()).attached = true;
      return;
    case proto::Event::kAttemptEnded:
      return end(sweep, event.attempt_ended(), event.time_ms());
    case proto::Event::kEvaluated:
      return evaluate(sweep, event.evaluated());
    case proto::Event::kCheckpointWritten:
      return note_checkpoint(sweep, event.checkpoint_written());
    case proto::Event::kCheckpointPinned:
      if (auto* it = find(trial_of(sweep, event.checkpoint_pinned().trial()), event.checkpoint_pinned().step()))
        it->pinned = event.checkpoint_pinned().pinned();
      return;
    case proto::Event::kCheckpointDeleted:
      if (auto* it = find(trial_of(sweep, event.checkpoint_deleted().trial()), event.checkpoint_deleted().step()))
        it->deleted = true;
      return;
    case proto::Event::kTrialJudged:  // what follows from it is an event of its own
    case proto::Event::kSweepSubmitted:
    case proto::Event::kSweepDeleted:
    case proto::Event::KIND_NOT_SET:
      return;
  }
}

}  // namespace

void apply(State& state, const proto::Event& event) {
  ++state.revision;
  state.time_ms = std::max(state.time_ms, event.time_ms());
  if (event.has_sweep_submitted()) {
    ++state.submitted;
    Sweep& sweep = state.sweeps.emplace_back();
    sweep.id = event.sweep();
    sweep.spec = event.sweep_submitted().spec();
    sweep.submitted_ms = event.time_ms();
    sweep.revision = state.revision;
    return;
  }
  Sweep* const sweep = state.find(event.sweep());
  CHECK(sweep != nullptr, "event {} of an unknown sweep {}", state.revision, event.sweep());
  if (event.has_sweep_deleted()) {
    state.sweeps.erase(state.sweeps.begin() + (sweep - state.sweeps.data()));
    return;
  }
  apply_to_sweep(*sweep, event);
  sweep->revision = state.revision;
}

}  // namespace lockstep
