#include "coordinator/store/materialise.h"

#include <string>

#include <fmt/ranges.h>

namespace lockstep {
namespace {

std::string json_text(std::string_view text) {
  std::string json = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') json += '\\';
    if (static_cast<unsigned char>(character) < 0x20) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
    } else {
      json += character;
    }
  }
  return json + '"';
}

std::string json_parameters(const proto::TrialCreated& created) {
  std::string json;
  for (const proto::Assignment& assignment : created.assignment()) {
    const std::string value =
        assignment.has_choice() ? json_text(assignment.choice()) : fmt::format("{}", assignment.number());
    json += fmt::format("{}{}: {}", json.empty() ? "" : ", ", json_text(assignment.name()), value);
  }
  return "{" + json + "}";
}

Status decision(const proto::Event& event, Value trial, std::string_view what, std::string_view reason,
                Database& database) {
  if (reason.empty()) return OkStatus();
  return database.run(
      "INSERT OR REPLACE INTO decisions (revision, time_ms, sweep, trial, what, reason) VALUES (?, ?, ?, ?, ?, ?)",
      {event.revision(), event.time_ms(), event.sweep(), trial, what, reason});
}

Status sweep_submitted(const proto::Event& event, Database& database) {
  return database.run(
      "INSERT OR REPLACE INTO sweeps (sweep, name, state, reason, submitted_ms, deleted) VALUES (?, ?, ?, '', ?, 0)",
      {event.sweep(), event.sweep_submitted().spec().name(), proto::SweepState_Name(proto::SWEEP_RUNNING),
       event.time_ms()});
}

Status sweep_changed(const proto::Event& event, Database& database) {
  const proto::SweepChanged& changed = event.sweep_changed();
  const std::string& state = proto::SweepState_Name(changed.state());
  RETURN_IF_ERROR(database.run("UPDATE sweeps SET state = ?, reason = ? WHERE sweep = ?",
                               {state, changed.reason(), event.sweep()}));
  return decision(event, {}, state, changed.reason(), database);
}

Status trial_created(const proto::Event& event, Database& database) {
  const proto::TrialCreated& created = event.trial_created();
  RETURN_IF_ERROR(database.run(
      "INSERT OR REPLACE INTO trials (sweep, trial, state, reason, bracket, parameters) VALUES (?, ?, ?, '', ?, ?)",
      {event.sweep(), created.trial(), proto::TrialState_Name(proto::TRIAL_WAITING), created.bracket(),
       json_parameters(created)}));
  return decision(event, created.trial(), "created", created.reason(), database);
}

Status trial_changed(const proto::Event& event, Database& database) {
  const proto::TrialChanged& changed = event.trial_changed();
  const std::string& state = proto::TrialState_Name(changed.state());
  RETURN_IF_ERROR(database.run("UPDATE trials SET state = ?, reason = ? WHERE sweep = ? AND trial = ?",
                               {state, changed.reason(), event.sweep(), changed.trial()}));
  return decision(event, changed.trial(), state, changed.reason(), database);
}

Status attempt_planned(const proto::Event& event, Database& database) {
  const proto::AttemptPlanned& planned = event.attempt_planned();
  // Whoever still runs as an earlier attempt is not listened to any more.
  RETURN_IF_ERROR(database.run("UPDATE attempts SET ended = 1 WHERE sweep = ? AND trial = ? AND attempt < ?",
                               {event.sweep(), planned.trial(), planned.attempt()}));
  const Value until_epoch = planned.has_until_epoch() ? Value(planned.until_epoch()) : Value();
  RETURN_IF_ERROR(database.run(
      "INSERT OR REPLACE INTO attempts (sweep, trial, attempt, token, last_seq, ended, cores, until_epoch, planned_ms) "
      "VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?)",
      {event.sweep(), planned.trial(), planned.attempt(), planned.token(),
       fmt::format("{}", fmt::join(planned.core(), ",")), until_epoch, event.time_ms()}));
  return decision(event, planned.trial(), fmt::format("attempt {}", planned.attempt()), planned.reason(), database);
}

Status attempt_attached(const proto::Event& event, Database& database) {
  const proto::AttemptAttached& attached = event.attempt_attached();
  return database.run("UPDATE attempts SET attached_ms = ? WHERE sweep = ? AND trial = ? AND attempt = ?",
                      {event.time_ms(), event.sweep(), attached.trial(), attached.attempt()});
}

Status attempt_ended(const proto::Event& event, Database& database) {
  const proto::AttemptEnded& ended = event.attempt_ended();
  const Value exit_code = ended.has_exit_code() ? Value(ended.exit_code()) : Value();
  const Value seconds = ended.has_seconds() ? Value(ended.seconds()) : Value();
  return database.run(
      "UPDATE attempts SET ended = 1, ended_ms = ?, outcome = ?, exit_code = ?, message = ?, seconds = ? "
      "WHERE sweep = ? AND trial = ? AND attempt = ?",
      {event.time_ms(), proto::AttemptEnd_Name(ended.end()), exit_code, ended.message(), seconds, event.sweep(),
       ended.trial(), ended.attempt()});
}

Status evaluated(const proto::Event& event, Database& database) {
  const proto::Evaluated& result = event.evaluated();
  const Value accuracy = result.has_accuracy() ? Value(result.accuracy()) : Value();
  RETURN_IF_ERROR(database.run(
      "INSERT OR REPLACE INTO evaluations (sweep, trial, epoch, step, loss, accuracy) VALUES (?, ?, ?, ?, ?, ?)",
      {event.sweep(), result.trial(), result.epoch(), result.step(), result.loss(), accuracy}));
  for (const proto::MetricValue& metric : result.metric()) {
    RETURN_IF_ERROR(
        database.run("INSERT OR REPLACE INTO metrics (sweep, trial, epoch, name, value) VALUES (?, ?, ?, ?, ?)",
                     {event.sweep(), result.trial(), result.epoch(), metric.name(), metric.value()}));
  }
  return OkStatus();
}

Status trial_judged(const proto::Event& event, Database& database) {
  const proto::TrialJudged& judged = event.trial_judged();
  return decision(event, judged.trial(),
                  fmt::format("{} at epoch {}", judged.stop() ? "stop" : "go on", judged.epoch()), judged.reason(),
                  database);
}

Status checkpoint_written(const proto::Event& event, Database& database) {
  const proto::CheckpointWritten& written = event.checkpoint_written();
  const Value parent_step = written.has_parent_step() ? Value(written.parent_step()) : Value();
  return database.run(
      "INSERT INTO checkpoints (sweep, trial, step, attempt, parent_step, path, pinned, deleted) "
      "VALUES (?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO UPDATE SET attempt = excluded.attempt, "
      "parent_step = excluded.parent_step, path = excluded.path, deleted = 0",
      {event.sweep(), written.trial(), written.step(), written.attempt(), parent_step, written.path()});
}

Status checkpoint_pinned(const proto::Event& event, Database& database) {
  const proto::CheckpointPinned& pinned = event.checkpoint_pinned();
  return database.run("UPDATE checkpoints SET pinned = ? WHERE sweep = ? AND trial = ? AND step = ?",
                      {pinned.pinned() ? 1 : 0, event.sweep(), pinned.trial(), pinned.step()});
}

Status checkpoint_deleted(const proto::Event& event, Database& database) {
  const proto::CheckpointDeleted& gone = event.checkpoint_deleted();
  RETURN_IF_ERROR(database.run("UPDATE checkpoints SET deleted = 1 WHERE sweep = ? AND trial = ? AND step = ?",
                               {event.sweep(), gone.trial(), gone.step()}));
  return decision(event, gone.trial(), fmt::format("checkpoint {} deleted", gone.step()), gone.reason(), database);
}

Status sweep_deleted(const proto::Event& event, Database& database) {
  return database.run("UPDATE sweeps SET deleted = 1 WHERE sweep = ?", {event.sweep()});
}

}  // namespace

Status materialise(const proto::Event& event, Database& database) {
  switch (event.kind_case()) {
    case proto::Event::kSweepSubmitted:
      return sweep_submitted(event, database);
    case proto::Event::kSweepChanged:
      return sweep_changed(event, database);
    case proto::Event::kTrialCreated:
      return trial_created(event, database);
    case proto::Event::kTrialChanged:
      return trial_changed(event, database);
    case proto::Event::kAttemptPlanned:
      return attempt_planned(event, database);
    case proto::Event::kAttemptAttached:
      return attempt_attached(event, database);
    case proto::Event::kAttemptEnded:
      return attempt_ended(event, database);
    case proto::Event::kEvaluated:
      return evaluated(event, database);
    case proto::Event::kTrialJudged:
      return trial_judged(event, database);
    case proto::Event::kCheckpointWritten:
      return checkpoint_written(event, database);
    case proto::Event::kCheckpointPinned:
      return checkpoint_pinned(event, database);
    case proto::Event::kCheckpointDeleted:
      return checkpoint_deleted(event, database);
    case proto::Event::kSweepDeleted:
      return sweep_deleted(event, database);
    case proto::Event::KIND_NOT_SET:
      return OkStatus();
  }
  return OkStatus();
}

}  // namespace lockstep
