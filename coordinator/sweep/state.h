// The coordinator's state: the fold over its event log. Plain values; apply() is the only function that changes them.
// Threads: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/schedule/scheduler.h"
#include "proto/event.pb.h"
#include "proto/sweep.pb.h"

namespace lockstep {

struct Attempt {
  int number = 0;  // from 1
  std::string token;
  std::vector<int> cores;
  int until_epoch = 0;  // 0: to the end
  std::int64_t planned_ms = 0;
  bool attached = false;
  bool evaluated = false;  // it has brought a new evaluation
  bool ended = false;
  std::int64_t ended_ms = 0;
  proto::AttemptEnd end = proto::EXITED;
  int exit_code = 0;
  proto::AttemptFault fault = proto::NO_FAULT;
  std::string message;
};

struct TrialCheckpoint {
  int attempt = 0;
  std::int64_t step = 0;
  std::optional<std::int64_t> parent_step;
  std::string path;  // below the state directory
  bool pinned = false;
  bool deleted = false;
};

struct Trial {
  int number = 0;  // from 0
  proto::TrialState state = proto::TRIAL_WAITING;
  std::string reason;
  std::vector<proto::Assignment> assignments;
  std::string choice_reason;
  int bracket = 0;
  int until_epoch = 0;  // of the scheduler; 0: to the end
  std::int64_t not_before_ms = 0;
  std::int64_t changed_ms = 0;  // when the state was set
  int failures = 0;             // attempts in a row that failed without a new evaluation
  std::size_t budget_from = 0;  // attempts before its budget was given anew
  std::vector<Attempt> attempts;
  std::vector<proto::Evaluated> evaluations;  // of epochs 1, 2, ...
  std::vector<TrialCheckpoint> checkpoints;   // by step
  double core_seconds = 0;                    // of attempts that ended

  bool is_live() const;   // an attempt is under way
  bool is_ended() const;  // for good
  bool is_asked() const;  // the attempt under way is to stop at a checkpoint
  const Attempt* live_attempt() const;
  std::size_t budget_attempts() const { return attempts.size() - budget_from; }
};

struct Sweep {
  std::string id;
  proto::SweepSpec spec;
  proto::SweepState state = proto::SWEEP_RUNNING;
  std::string reason;
  std::int64_t revision = 0;  // of its last event
  std::int64_t submitted_ms = 0;
  std::int64_t ended_ms = 0;
  std::vector<Trial> trials;
  std::vector<TrialProgress> progress;  // what the scheduler sees of each trial
  int live_trials = 0;
  int live_cores = 0;
  double core_seconds = 0;  // of attempts that ended
  std::set<int> suspects;   // trials that failed by what may be the machine's fault, since an evaluation of any came

  bool is_ended() const { return state == proto::SWEEP_STOPPED || state == proto::SWEEP_COMPLETED; }
  bool maximizes() const;
  // The objective's value; smaller is better, infinity when it is no number.
  double cost(const proto::Evaluated& evaluation) const;
  int cores_per_trial() const;
  int epochs() const { return spec.job().epochs(); }
};

// So many different trials in a row that fail by what may be the machine's fault pause their sweep.
inline constexpr std::size_t kTrialsThatPauseASweep = 3;

struct State {
  std::int64_t revision = 0;   // of the last event
  std::int64_t time_ms = 0;    // of the last event
  std::int64_t submitted = 0;  // sweeps that ever were: the last one's name is s and this
  std::vector<Sweep> sweeps;   // in the order of their submission; those that were deleted are gone

  Sweep* find(std::string_view id);
  const Sweep* find(std::string_view id) const;
};

// No coordinator was there: whether attempts that were under way ran in this time is known when they end.
struct Absence {
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

// Core-seconds of the attempt under way until now, without those of the absence; 0: none is.
double live_core_seconds(const Trial& trial, std::int64_t now_ms, const Absence& absence = {});

// The best evaluation of a trial; none without one whose value is a number.
const proto::Evaluated* best_evaluation(const Sweep& sweep, const Trial& trial);
// The trial with the best evaluation, the lower number when equal; none without one.
const Trial* best_trial(const Sweep& sweep);

// Folds one event in. Requires: what decide functions make of this state, or a log of such.
void apply(State& state, const proto::Event& event);

// Name of the metric that counts.
std::string objective_name(const proto::Objective& objective);
// Not a number: the evaluation does not have it.
double metric_of(const proto::Evaluated& evaluation, std::string_view name);

// "waiting", "running", ...: for people and for JSON.
std::string name_of(proto::TrialState state);
std::string name_of(proto::SweepState state);

}  // namespace lockstep
