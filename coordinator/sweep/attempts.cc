#include "coordinator/sweep/attempts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/schedule/scheduler.h"
#include "coordinator/sweep/outcome.h"
#include "coordinator/sweep/trial_job.h"

namespace lockstep {
namespace {

const Trial* find_trial(const State& state, const std::string& id, int number) {
  const Sweep* const sweep = state.find(id);
  if (sweep == nullptr || number < 0 || static_cast<std::size_t>(number) >= sweep->trials.size()) return nullptr;
  return &sweep->trials[static_cast<std::size_t>(number)];
}

Status not_running(const proto::AttemptId& id) {
  return absl::PermissionDeniedError(
      fmt::format("attempt {} of trial {} of {} is not the one that runs", id.attempt(), id.trial(), id.sweep()));
}

// Infinity is NaN too: JSON has one word for both, and an evaluation may come as a report or from the metrics file.
double number_or_nan(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

// Whether whoever tells has told all there is, so that one that is missing is lost; or it may be told later.
enum class Missing { kIsLost, kMayCome };

// New evaluations, in order; each follows the one before. One that is lost is one that is no number: no trial waits for
// what will never come.
std::vector<proto::Evaluated> news(const Sweep& sweep, const Trial& trial, std::span<const proto::EvalMetric> metrics,
                                   Missing missing) {
  std::vector<proto::Evaluated> found;
  auto next = static_cast<int>(trial.evaluations.size()) + 1;
  const auto add = [&](int epoch) -> proto::Evaluated& {
    proto::Evaluated& it = found.emplace_back();
    it.set_trial(trial.number);
    it.set_epoch(epoch);
    it.set_loss(std::numeric_limits<double>::quiet_NaN());
    return it;
  };
  for (const proto::EvalMetric& metric : metrics) {
    if (metric.epoch() < next || metric.epoch() > sweep.epochs()) continue;
    if (metric.epoch() > next && missing == Missing::kMayCome) break;
    while (next < metric.epoch()) add(next++);
    proto::Evaluated& it = add(next++);
    it.set_step(metric.step());
    it.set_loss(number_or_nan(metric.loss()));
    if (metric.has_accuracy()) it.set_accuracy(number_or_nan(metric.accuracy()));
    for (const proto::MetricValue& each : metric.metric()) {
      proto::MetricValue& stored = *it.add_metric();
      stored.set_name(each.name());
      stored.set_value(number_or_nan(each.value()));
    }
  }
  return found;
}

// Adds the evaluations with what the scheduler says to each; a trial that it stops is asked to stop.
void add_evaluations(const Sweep& sweep, const Trial& trial, std::span<const proto::EvalMetric> metrics,
                     Missing missing, Events& events) {
  std::vector<TrialProgress> progress;
  bool stopping = trial.state == proto::TRIAL_STOPPING;
  for (const proto::Evaluated& evaluation : news(sweep, trial, metrics, missing)) {
    *add_event(events, sweep.id).mutable_evaluated() = evaluation;
    if (progress.empty()) progress = sweep.progress;
    progress[static_cast<std::size_t>(trial.number)].values.push_back(sweep.cost(evaluation));
    if (stopping || evaluation.epoch() >= sweep.epochs()) continue;
    const Verdict verdict = judge(sweep.spec.scheduler(), progress, trial.number, sweep.epochs());
    if (verdict.reason.empty()) continue;
    proto::TrialJudged& judged = *add_event(events, sweep.id).mutable_trial_judged();
    judged.set_trial(trial.number);
    judged.set_epoch(evaluation.epoch());
    judged.set_stop(verdict.stop);
    judged.set_reason(verdict.reason);
    if (!verdict.stop) continue;
    add_change(events, sweep.id, trial.number, proto::TRIAL_STOPPING, verdict.reason);
    stopping = true;
  }
}

void add_checkpoints(const Sweep& sweep, const Trial& trial, int attempt, std::span<const proto::CheckpointNote> notes,
                     Events& events) {
  std::vector<std::int64_t> known;
  for (const TrialCheckpoint& checkpoint : trial.checkpoints) known.push_back(checkpoint.step);
  for (const proto::CheckpointNote& note : notes) {
    const auto place = std::lower_bound(known.begin(), known.end(), note.step());
    if (place != known.end() && *place == note.step()) continue;
    proto::CheckpointWritten& it = *add_event(events, sweep.id).mutable_checkpoint_written();
    it.set_trial(trial.number);
    it.set_attempt(attempt);
    it.set_step(note.step());
    it.set_path(checkpoint_path(sweep, trial, note.step()).string());
    if (place != known.begin()) it.set_parent_step(*std::prev(place));
    known.insert(place, note.step());
  }
}

}  // namespace

StatusOr<const Trial*> reporting_trial(const State& state, const proto::AttemptId& id) {
  const Trial* const trial = find_trial(state, id.sweep(), id.trial());
  const Attempt* const attempt = trial != nullptr ? trial->live_attempt() : nullptr;
  if (attempt == nullptr || attempt->number != id.attempt() || attempt->token != id.token()) return not_running(id);
  return trial;
}

StatusOr<Events> attach(const State& state, const proto::AttemptId& id) {
  ASSIGN_OR_RETURN(const Trial* const trial, reporting_trial(state, id));
  Events events;
  if (trial->live_attempt()->attached) return events;
  proto::AttemptAttached& event = *add_event(events, id.sweep()).mutable_attempt_attached();
  event.set_trial(id.trial());
  event.set_attempt(id.attempt());
  return events;
}

StatusOr<Events> report(const State& state, const proto::ReportRequest& request) {
  const proto::AttemptId& id = request.attempt();
  ASSIGN_OR_RETURN(const Trial* const trial, reporting_trial(state, id));
  const Sweep& sweep = *state.find(id.sweep());
  const std::vector<proto::EvalMetric> evaluations(request.eval().begin(), request.eval().end());
  const std::vector<proto::CheckpointNote> checkpoints(request.checkpoint().begin(), request.checkpoint().end());
  Events events;
  // Evaluations come in order, each again until it was taken, and a run that goes on tells all it has.
  add_evaluations(sweep, *trial, evaluations, Missing::kIsLost, events);
  add_checkpoints(sweep, *trial, id.attempt(), checkpoints, events);
  return events;
}

StatusOr<proto::ReportReply> directive(const State& state, const proto::AttemptId& id) {
  const Trial* const trial = find_trial(state, id.sweep(), id.trial());
  if (trial == nullptr) return not_running(id);
  proto::ReportReply reply;
  reply.set_directive(trial->is_asked() ? proto::STOP_AT_CHECKPOINT : proto::CONTINUE);
  if (trial->is_asked()) reply.set_reason(trial->reason);
  return reply;
}

Events attempt_ended(const State& state, const AttemptResult& result, std::int64_t now_ms) {
  Events events;
  const Trial* const trial = find_trial(state, result.sweep, result.trial);
  const Attempt* const attempt = trial != nullptr ? trial->live_attempt() : nullptr;
  if (attempt == nullptr || attempt->number != result.attempt) return events;
  const Sweep& sweep = *state.find(result.sweep);
  const bool complete = result.end == proto::EXITED && (result.exit_code == 0 || result.exit_code == 75);
  const Missing missing = complete ? Missing::kIsLost : Missing::kMayCome;  // the next attempt may tell it
  add_evaluations(sweep, *trial, result.evaluations, missing, events);
  const bool judged_out = std::any_of(events.begin(), events.end(), [](const proto::Event& event) {
    return event.has_trial_changed() && event.trial_changed().state() == proto::TRIAL_STOPPING;
  });
  Brought brought;
  brought.evaluated = attempt->evaluated || !events.empty();
  brought.epochs =
      static_cast<int>(trial->evaluations.size() + news(sweep, *trial, result.evaluations, missing).size());
  const std::size_t before = events.size();
  add_checkpoints(sweep, *trial, result.attempt, result.checkpoints, events);
  brought.stepped =
      events.size() > before || std::any_of(trial->checkpoints.begin(), trial->checkpoints.end(),
                                            [&](const TrialCheckpoint& it) { return it.attempt == result.attempt; });
  const bool stopping = judged_out || trial->state == proto::TRIAL_STOPPING;
  add_end(sweep, *trial, result, brought, stopping, now_ms, events);
  return events;
}

}  // namespace lockstep
