#include "coordinator/sweep/outcome.h"

#include <algorithm>
#include <cmath>
#include <csignal>

#include <fmt/ranges.h>

#include "storage/base/exit_code.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostAttempts = 1000;  // of a trial, and again after each retry by hand
constexpr double kMostBackoffSeconds = 300;
constexpr int kSignalled = 128;

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

// "exit code 74 (could not read or write here)".
std::string describe(const AttemptResult& result) {
  const std::string_view meaning = exit_code_meaning(result.exit_code);
  switch (result.end) {
    case proto::EXITED:
      if (result.exit_code >= kSignalled) return fmt::format("ended by signal {}", result.exit_code - kSignalled);
      return fmt::format("exit code {}{}", result.exit_code, meaning.empty() ? "" : fmt::format(" ({})", meaning));
    case proto::LOST:
      return "its shim was killed";
    case proto::FENCED:
      return "it told nothing for longer than its lease";
    case proto::KILLED:
      return "it did not stop when asked";
  }
  return "";
}

std::string with_last_line(std::string text, const AttemptResult& result) {
  const std::string_view line = last_line(result.message);
  return line.empty() ? text : fmt::format("{}: {}", text, line);
}

bool sets_data(const std::string& assignment) {
  return assignment.starts_with("data.") || assignment.starts_with("data=") || assignment == "data";
}

// Whether one of the trial's parameters says which data are read.
bool chooses_data(const Sweep& sweep, const Trial& trial) {
  const auto chooses = [&](const proto::Assignment& assignment) {
    const auto& all = sweep.spec.parameter();
    const auto parameter =
        std::find_if(all.begin(), all.end(), [&](const auto& it) { return it.name() == assignment.name(); });
    if (parameter == all.end()) return false;
    if (!assignment.has_choice()) return sets_data(parameter->path());
    const auto& choices = parameter->categorical().choice();
    return std::any_of(choices.begin(), choices.end(), [&](const proto::Choice& choice) {
      return choice.name() == assignment.choice() && std::any_of(choice.set().begin(), choice.set().end(), sets_data);
    });
  };
  return std::any_of(trial.assignments.begin(), trial.assignments.end(), chooses);
}

bool at_rung(const Trial& trial, const AttemptResult& result, const Brought& brought) {
  return result.end == proto::EXITED && result.exit_code == kExitStopped && trial.until_epoch > 0 &&
         brought.epochs >= trial.until_epoch;
}

proto::AttemptFault fault_of(const Sweep& sweep, const Trial& trial, const AttemptResult& result,
                             const Brought& brought) {
  const proto::AttemptFault unexplained = brought.evaluated ? proto::FAULT_OF_RUN : proto::FAULT_OF_MACHINE;
  if (result.end == proto::KILLED) return proto::FAULT_OF_RUN;
  if (result.end != proto::EXITED) return unexplained;
  // An attempt that is asked to stop before it handles the signal dies of it, and has lost nothing.
  const bool as_asked =
      trial.is_asked() && (result.exit_code == kExitStopped || result.exit_code == kSignalled + SIGUSR1);
  if (as_asked || at_rung(trial, result, brought)) return proto::NO_FAULT;
  switch (result.exit_code) {
    case kExitDone:
      return brought.epochs > 0 ? proto::NO_FAULT : proto::FAULT_OF_RUN;
    case kExitStopped:
      return brought.evaluated || brought.stepped ? proto::NO_FAULT : proto::FAULT_OF_RUN;
    case kExitBadConfiguration:
    case kExitDiverged:
      return proto::FAULT_OF_PARAMETERS;
    case kExitBadData:
      return chooses_data(sweep, trial) ? proto::FAULT_OF_PARAMETERS : unexplained;
    default:
      return unexplained;
  }
}

// A trainer that knows that it is the machine: no room on its disk, a core that is gone.
bool says_machine(const AttemptResult& result) {
  return result.end == proto::EXITED && (result.exit_code == kExitMachineCannot || result.exit_code == kExitIoError);
}

struct Outcome {
  proto::TrialState state = proto::TRIAL_WAITING;
  std::string reason;
  double wait_seconds = 0;
};

Outcome failed_or_waiting(const Sweep& sweep, const Trial& trial, const AttemptResult& result, const Brought& brought,
                          proto::AttemptFault fault) {
  const bool stopped = result.end == proto::EXITED && result.exit_code == kExitStopped;
  const int failures = fault == proto::NO_FAULT ? 0 : (brought.evaluated ? 0 : trial.failures) + 1;
  const std::string what = stopped ? fault == proto::NO_FAULT
                                         ? "stopped from outside"
                                         : "exit code 75 that nobody asked for, with neither a new step nor an "
                                           "evaluation; are there rows in the split that is evaluated?"
                                   : describe(result);
  if (failures > sweep.spec.retries().limit() || trial.budget_attempts() >= kMostAttempts) {
    return {proto::TRIAL_FAILED,
            with_last_line(fmt::format("{} attempts failed one after another; the last: {}", failures, what), result)};
  }
  const double first = sweep.spec.retries().backoff_seconds();
  const double wait = first * std::pow(2.0, std::clamp(failures - 1, 0, 32));
  return {proto::TRIAL_WAITING, fmt::format("attempt {}: {}; goes on from its last checkpoint", result.attempt, what),
          std::min(wait, std::max(first, kMostBackoffSeconds))};
}

Outcome outcome_of(const Sweep& sweep, const Trial& trial, const AttemptResult& result, const Brought& brought,
                   proto::AttemptFault fault, bool stopping) {
  const bool done = result.end == proto::EXITED && result.exit_code == kExitDone;
  if (done && fault == proto::NO_FAULT) {
    const bool early = brought.epochs < sweep.epochs();
    return {proto::TRIAL_COMPLETED, early
                                        ? fmt::format("ended early, after {} of {} epochs: its metric did not improve",
                                                      brought.epochs, sweep.epochs())
                                        : "trained to the end"};
  }
  if (stopping) return {proto::TRIAL_STOPPED, trial.state == proto::TRIAL_STOPPING ? trial.reason : ""};
  if (done) {
    return {proto::TRIAL_FAILED,
            fmt::format("trained to the end without an evaluation: the objective has no value; are "
                        "there validation rows in its data?")};
  }
  if (fault == proto::FAULT_OF_PARAMETERS) return {proto::TRIAL_INFEASIBLE, with_last_line(describe(result), result)};
  if (trial.state == proto::TRIAL_PAUSING) return {proto::TRIAL_WAITING, "paused with the sweep"};
  if (at_rung(trial, result, brought)) {
    return {proto::TRIAL_PAUSED, fmt::format("at the rung of {} epochs", trial.until_epoch)};
  }
  return failed_or_waiting(sweep, trial, result, brought, fault);
}

// The trials of the row wait, with all their attempts before them, for a person to mend the machine.
void pause(const Sweep& sweep, const Trial& trial, const AttemptResult& result, Events& events) {
  constexpr std::string_view kWhy = "the sweep pauses: not held against it";
  const auto give_back = [&](const Trial& it) {
    if (it.number != trial.number && it.state != proto::TRIAL_WAITING && it.state != proto::TRIAL_FAILED) return;
    add_change(events, sweep.id, it.number, proto::TRIAL_WAITING, kWhy);
    events.back().mutable_trial_changed()->set_new_budget(true);
  };
  std::set<int> row = sweep.suspects;
  row.insert(trial.number);
  for (const int number : row) give_back(sweep.trials[static_cast<std::size_t>(number)]);
  add_change(events, sweep.id, proto::SWEEP_PAUSING,
             with_last_line(fmt::format("trial{} {} failed one after another without an evaluation, which may be this "
                                        "machine's fault: mend it, then `lockstep sweep resume {}`; the last: {}",
                                        row.size() == 1 ? "" : "s", fmt::join(row, ", "), sweep.id, describe(result)),
                            result));
}

}  // namespace

void add_end(const Sweep& sweep, const Trial& trial, const AttemptResult& result, const Brought& brought, bool stopping,
             std::int64_t now_ms, Events& events) {
  const proto::AttemptFault fault = fault_of(sweep, trial, result, brought);
  proto::AttemptEnded& ended = *add_event(events, sweep.id).mutable_attempt_ended();
  ended.set_trial(trial.number);
  ended.set_attempt(result.attempt);
  ended.set_end(result.end);
  ended.set_exit_code(result.exit_code);
  ended.set_message(result.message);
  if (result.seconds) ended.set_seconds(*result.seconds);
  ended.set_fault(fault);
  const bool may_pause = fault == proto::FAULT_OF_MACHINE && !stopping && sweep.state == proto::SWEEP_RUNNING;
  const bool in_a_row =
      fault == proto::FAULT_OF_MACHINE &&
      sweep.suspects.size() + (sweep.suspects.contains(trial.number) ? 0 : 1) >= kTrialsThatPauseASweep;
  if (may_pause && in_a_row) return pause(sweep, trial, result, events);
  const Outcome outcome = outcome_of(sweep, trial, result, brought, fault, stopping);
  if (may_pause && outcome.state == proto::TRIAL_FAILED && says_machine(result)) {
    return pause(sweep, trial, result, events);
  }
  add_change(events, sweep.id, trial.number, outcome.state, outcome.reason);
  proto::TrialChanged& changed = *events.back().mutable_trial_changed();
  if (outcome.wait_seconds > 0) {
    changed.set_not_before_ms(now_ms + static_cast<std::int64_t>(outcome.wait_seconds * 1e3));
  }
  if (in_a_row && outcome.state == proto::TRIAL_WAITING) changed.set_new_budget(true);
}

}  // namespace lockstep
