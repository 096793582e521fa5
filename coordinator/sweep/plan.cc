#include "coordinator/sweep/plan.h"

#include <algorithm>
#include <cmath>

#include "coordinator/schedule/scheduler.h"
#include "coordinator/search/search.h"
#include "coordinator/search/space.h"

namespace lockstep {
namespace {

proto::TrialCreated created_by(const Suggestion& suggestion, int trial, int bracket) {
  proto::TrialCreated created;
  created.set_trial(trial);
  created.mutable_assignment()->Add(suggestion.assignments.begin(), suggestion.assignments.end());
  created.set_bracket(bracket);
  created.set_reason(suggestion.reason);
  return created;
}

void start(const Sweep& sweep, int trial, int attempt, int until_epoch, const std::string& reason,
           std::span<const int> cores, const Resources& resources, Events& events) {
  proto::AttemptPlanned& planned = *add_event(events, sweep.id).mutable_attempt_planned();
  planned.set_trial(trial);
  planned.set_attempt(attempt);
  planned.set_token(resources.new_token());
  for (const int core : cores) planned.add_core(core);
  if (until_epoch > 0) planned.set_until_epoch(until_epoch);
  planned.set_reason(reason);
  add_change(events, sweep.id, trial, proto::TRIAL_RUNNING, reason);
}

double core_seconds(const Sweep& sweep, std::int64_t now_ms, const Absence& absence) {
  double sum = sweep.core_seconds;
  if (sweep.live_cores == 0) return sum;
  for (const Trial& trial : sweep.trials) sum += live_core_seconds(trial, now_ms, absence);
  return sum;
}

// A limit that ends the sweep; empty: none is reached.
std::string reached_limit(const Sweep& sweep, std::int64_t now_ms, const Absence& absence) {
  const proto::SweepLimits& limits = sweep.spec.limits();
  if (limits.wall_seconds() > 0 && static_cast<double>(now_ms - sweep.submitted_ms) >= limits.wall_seconds() * 1e3) {
    return fmt::format("the limit of {} s is reached", limits.wall_seconds());
  }
  if (limits.core_hours() > 0 && core_seconds(sweep, now_ms, absence) >= limits.core_hours() * 3600) {
    return fmt::format("the limit of {} core-hours is reached", limits.core_hours());
  }
  if (!limits.has_target()) return "";
  const Trial* const best = best_trial(sweep);
  if (best == nullptr) return "";
  const double target = sweep.maximizes() ? -limits.target() : limits.target();
  if (sweep.cost(*best_evaluation(sweep, *best)) > target) return "";
  return fmt::format("trial {} has reached the target of {}", best->number, limits.target());
}

// Trials that run are asked to stop; those that do not are stopped at once.
void stop_trials(const Sweep& sweep, Events& events) {
  for (const Trial& trial : sweep.trials) {
    if (trial.state == proto::TRIAL_RUNNING || trial.state == proto::TRIAL_PAUSING) {
      add_change(events, sweep.id, trial.number, proto::TRIAL_STOPPING, sweep.reason);
    } else if (trial.state == proto::TRIAL_WAITING || trial.state == proto::TRIAL_PAUSED) {
      add_change(events, sweep.id, trial.number, proto::TRIAL_STOPPED, sweep.reason);
    }
  }
  if (events.empty() && sweep.live_trials == 0) add_change(events, sweep.id, proto::SWEEP_STOPPED, sweep.reason);
}

void pause_trials(const Sweep& sweep, Events& events) {
  for (const Trial& trial : sweep.trials) {
    if (trial.state == proto::TRIAL_RUNNING) {
      add_change(events, sweep.id, trial.number, proto::TRIAL_PAUSING, "paused with the sweep");
    }
  }
  if (events.empty() && sweep.live_trials == 0) add_change(events, sweep.id, proto::SWEEP_PAUSED, sweep.reason);
}

// Of a sweep of which nothing is left to do; `reason` is the scheduler's.
std::string end_reason(const Sweep& sweep, const std::string& reason) {
  const int trials = most_trials(sweep.spec);
  if (trials == sweep.spec.limits().trials()) return reason.empty() ? "all trials have ended" : reason;
  return fmt::format("all {} combinations of the parameters have been tried; limits.trials is {}", trials,
                     sweep.spec.limits().trials());
}

void complete(const Sweep& sweep, const std::string& reason, Events& events) {
  for (const Trial& trial : sweep.trials) {
    if (trial.state != proto::TRIAL_PAUSED) continue;
    add_change(events, sweep.id, trial.number, proto::TRIAL_STOPPED, "not among the best of its rung");
  }
  add_change(events, sweep.id, proto::SWEEP_COMPLETED, reason);
}

std::vector<int> free_cores(const State& state, std::span<const int> all) {
  std::vector<int> free(all.begin(), all.end());
  for (const Sweep& sweep : state.sweeps) {
    if (sweep.live_cores == 0) continue;
    for (const Trial& trial : sweep.trials) {
      const Attempt* const attempt = trial.live_attempt();
      if (attempt == nullptr) continue;
      for (const int core : attempt->cores) std::erase(free, core);
    }
  }
  return free;
}

// What a sweep would do with a free place.
enum class Step { kNothing, kStart, kEnd, kNoPlace, kWait };

Step next_step(const Sweep& sweep, std::span<const int> cores, const Resources& resources, std::int64_t now_ms,
               Plan& planned) {
  if (sweep.live_trials >= sweep.spec.limits().parallel()) return Step::kNothing;
  int waiting = 0;
  for (const Trial& trial : sweep.trials) {
    if (trial.state != proto::TRIAL_WAITING) continue;
    ++waiting;
    if (trial.not_before_ms > now_ms) continue;
    if (cores.empty()) return Step::kNoPlace;
    start(sweep, trial.number, static_cast<int>(trial.attempts.size()) + 1, trial.until_epoch, trial.reason, cores,
          resources, planned.events);
    return Step::kStart;
  }
  // One that waits for its retry keeps its place: what is created does not depend on failures.
  if (sweep.live_trials + waiting >= sweep.spec.limits().parallel()) return Step::kNothing;
  const Next it = next(sweep.spec.scheduler(), sweep.progress, most_trials(sweep.spec), sweep.epochs());
  switch (it.what) {
    case Next::What::kWait:
      return Step::kNothing;
    case Next::What::kDone:
      complete(sweep, end_reason(sweep, it.reason), planned.events);
      return Step::kEnd;
    case Next::What::kResume: {
      if (cores.empty()) return Step::kNoPlace;
      const Trial& trial = sweep.trials[static_cast<std::size_t>(it.trial)];
      start(sweep, it.trial, static_cast<int>(trial.attempts.size()) + 1, it.until_epoch, it.reason, cores, resources,
            planned.events);
      return Step::kStart;
    }
    case Next::What::kCreate: {
      if (!may_ask(sweep)) return Step::kNothing;
      if (cores.empty()) return Step::kNoPlace;
      const auto number = static_cast<int>(sweep.trials.size());
      const auto found = resources.answers.find(sweep.id);
      if (found == resources.answers.end() || found->second.trial != number) {
        planned.wanted.push_back(sweep.id);
        return Step::kWait;
      }
      const proto::TrialCreated created = created_by(found->second.suggestion, number, it.bracket);
      *add_event(planned.events, sweep.id).mutable_trial_created() = created;
      start(sweep, created.trial(), 1, it.until_epoch, it.reason, cores, resources, planned.events);
      return Step::kStart;
    }
  }
  return Step::kNothing;
}

}  // namespace

Plan plan(const State& state, const Resources& resources, std::int64_t now_ms) {
  Plan planned;
  Events& events = planned.events;
  std::vector<const Sweep*> running;
  for (const Sweep& sweep : state.sweeps) {
    if (sweep.state == proto::SWEEP_STOPPING) stop_trials(sweep, events);
    if (sweep.state == proto::SWEEP_PAUSING) pause_trials(sweep, events);
    if (sweep.state == proto::SWEEP_RUNNING) {
      if (const std::string limit = reached_limit(sweep, now_ms, resources.absence); !limit.empty())
        add_change(events, sweep.id, proto::SWEEP_STOPPING, limit);
      running.push_back(&sweep);
    }
    if (!events.empty()) return planned;
  }
  std::stable_sort(running.begin(), running.end(),
                   [](const Sweep* a, const Sweep* b) { return a->live_cores < b->live_cores; });
  const std::vector<int> all_free = free_cores(state, resources.cores);
  std::span<const int> free(all_free);
  for (const Sweep* const sweep : running) {
    const auto needed = static_cast<std::size_t>(sweep->cores_per_trial());
    const std::span<const int> cores = free.first(needed <= free.size() ? needed : 0);
    const Step step = next_step(*sweep, cores, resources, now_ms, planned);
    if (step == Step::kWait) {
      free = free.subspan(needed);  // its place is kept
    } else if (step != Step::kNothing) {
      return planned;
    }
  }
  return planned;
}

std::optional<std::int64_t> next_time(const State& state, std::int64_t now_ms, const Absence& absence) {
  constexpr double kDayMs = 86'400'000;
  std::optional<std::int64_t> earliest;
  const auto consider = [&](std::int64_t time_ms) {
    if (time_ms > now_ms && (!earliest || time_ms < *earliest)) earliest = time_ms;
  };
  // A limit may be farther away than a clock can say.
  const auto consider_in = [&](double ms) {
    if (ms > 0) consider(now_ms + static_cast<std::int64_t>(std::ceil(std::min(ms, kDayMs))));
  };
  for (const Sweep& sweep : state.sweeps) {
    if (sweep.state != proto::SWEEP_RUNNING) continue;
    const proto::SweepLimits& limits = sweep.spec.limits();
    if (limits.wall_seconds() > 0) {
      consider_in(limits.wall_seconds() * 1e3 - static_cast<double>(now_ms - sweep.submitted_ms));
    }
    if (limits.core_hours() > 0 && sweep.live_cores > 0) {
      const double left = limits.core_hours() * 3600 - core_seconds(sweep, now_ms, absence);
      consider_in(left * 1e3 / sweep.live_cores);
    }
    for (const Trial& trial : sweep.trials) {
      if (trial.state == proto::TRIAL_WAITING) consider(trial.not_before_ms);
    }
  }
  return earliest;
}

std::vector<proto::TrialCreated> first_suggestions(const proto::SweepSpec& spec, int count) {
  Sweep sweep;
  sweep.spec = spec;
  std::vector<proto::TrialCreated> created;
  for (int i = 0; i < std::min(count, most_trials(spec)); ++i) {
    created.push_back(created_by(answer(question(sweep)), i, 0));
    Trial& trial = sweep.trials.emplace_back();
    trial.number = i;
    trial.assignments.assign(created.back().assignment().begin(), created.back().assignment().end());
  }
  return created;
}

double expected_epochs(const proto::SweepSpec& spec) {
  return expected_epochs(spec.scheduler(), most_trials(spec), spec.job().epochs());
}

int most_trials(const proto::SweepSpec& spec) {
  return std::min(spec.limits().trials(), most_trials(spec.search(), SearchSpace(spec.parameter())));
}

}  // namespace lockstep
