// What follows from a round that is durable: attempts started, stopped and ended, files removed.
#include <utility>

#include "coordinator/loop/coordinator.h"
#include "coordinator/loop/job_file.h"
#include "coordinator/loop/log_lines.h"
#include "storage/base/log.h"

namespace lockstep {
namespace {

AttemptKey key_of(const Sweep& sweep, const Trial& trial, const Attempt& attempt) {
  return {sweep.id, trial.number, attempt.number};
}

}  // namespace

void Coordinator::look_for_room() {
  const Status room = options_.outside.room();
  if (!room.ok() && room_.ok()) log_warning("holding, nothing is started: {}", std::string(room.message()));
  if (room.ok() && !room_.ok()) log_info("there is room: trials are started again");
  room_ = room;
  const std::lock_guard lock(mutex_);
  holding_ = std::string(room.message());
}

// What was started before, by an earlier coordinator, is taken up in any case.
bool Coordinator::may_start(const Sweep& sweep, const Trial& trial, const Attempt& attempt) const {
  return room_.ok() || executor_->was_started(options_.state_directory / attempt_directory(sweep, trial, attempt));
}

Status Coordinator::act() {
  for (const Sweep& sweep : state_.sweeps) {
    if (sweep.live_trials == 0) continue;
    for (const Trial& trial : sweep.trials) {
      const Attempt* const attempt = trial.live_attempt();
      if (attempt == nullptr) continue;
      const AttemptKey key = key_of(sweep, trial, *attempt);
      if (watch_.watches(key) || !may_start(sweep, trial, *attempt)) continue;
      watch_.begin(key);
      RETURN_IF_ERROR(start(sweep, trial, *attempt));
    }
  }
  for (const AttemptWatch::Due& due : watch_.due(state_)) {
    switch (due.what) {
      case AttemptWatch::Due::What::kAskToStop:
        executor_->ask_to_stop(due.key);
        break;
      case AttemptWatch::Due::What::kFence:
        log(LogLevel::kWarning, "no report within its lease: it is ended", fields_of(due.key));
        executor_->kill(due.key, proto::FENCED);
        break;
      case AttemptWatch::Due::What::kKill:
        executor_->kill(due.key, proto::KILLED);
        break;
    }
  }
  for (const std::filesystem::path& path : std::exchange(to_remove_, {})) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) log_warning("{}: cannot be removed: {}", path.string(), error.message());
  }
  return OkStatus();
}

Status Coordinator::start(const Sweep& sweep, const Trial& trial, const Attempt& attempt) {
  const AttemptKey key = key_of(sweep, trial, attempt);
  const std::filesystem::path directory = options_.state_directory / trial_directory(sweep.id, trial.number);
  const StatusOr<proto::Job> job = trial_job(sweep, trial);
  if (!job.ok()) {
    on_ended({.key = key,
              .end = proto::EXITED,
              .exit_code = exit_code(job.status()),
              .message = std::string(job.status().message())});
    return OkStatus();
  }
  RETURN_IF_ERROR(write_job_file(*job, directory));
  proto::AttemptFile file;
  file.set_sweep(sweep.id);
  file.set_trial(trial.number);
  file.set_attempt(attempt.number);
  file.set_token(attempt.token);
  file.set_endpoint_file((options_.state_directory / "endpoint").string());
  file.set_heartbeat_seconds(std::min(1.0, sweep.spec.retries().lease_seconds() / 4));
  for (std::string& argument : attempt_arguments(options_.runner, options_.state_directory, sweep, trial, attempt)) {
    file.add_argv(std::move(argument));
  }
  for (const int core : attempt.cores) file.add_core(core);
  executor_->ensure(key, options_.state_directory / attempt_directory(sweep, trial, attempt), file);
  return OkStatus();
}

void Coordinator::on_ended(const Ended& ended) {
  const std::filesystem::path trial = trial_directory(ended.key.sweep, ended.key.trial);
  RunHistory history = options_.outside.read_run(options_.state_directory / trial / "run");
  note_end({.sweep = ended.key.sweep,
            .trial = ended.key.trial,
            .attempt = ended.key.attempt,
            .end = ended.end,
            .exit_code = ended.exit_code,
            .message = ended.message,
            .seconds = ended.seconds,
            .evaluations = std::move(history.evaluations),
            .checkpoints = std::move(history.checkpoints)});
}

void Coordinator::note_end(const AttemptResult& result) {
  enqueue_work([result](Desk& desk) {
    desk.commit.events = attempt_ended(desk.state, result, desk.now_ms);
    return OkStatus();
  });
}

// A crash may have come between the event and the removal.
void Coordinator::remove_deleted_checkpoints() {
  for (const Sweep& sweep : state_.sweeps) {
    for (const Trial& trial : sweep.trials) {
      for (const TrialCheckpoint& checkpoint : trial.checkpoints) {
        std::error_code error;
        if (checkpoint.deleted) std::filesystem::remove(options_.state_directory / checkpoint.path, error);
      }
    }
  }
}

}  // namespace lockstep
