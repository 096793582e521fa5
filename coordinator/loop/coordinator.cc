#include "coordinator/loop/coordinator.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "coordinator/loop/job_file.h"
#include "coordinator/loop/log_lines.h"
#include "coordinator/loop/secret.h"
#include "coordinator/sweep/attempts.h"
#include "coordinator/sweep/retention.h"
#include "storage/base/log.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostTasks = 10'000;
constexpr int kMostPlans = 100'000;

AttemptKey key_of(const Sweep& sweep, const Trial& trial, const Attempt& attempt) {
  return {sweep.id, trial.number, attempt.number};
}

}  // namespace

Outside real_outside() {
  return {.wall_ms =
              [] {
                const auto now = std::chrono::system_clock::now().time_since_epoch();
                return std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
              },
          .running = AttemptWatch::Clock::now,
          .room = [] { return OkStatus(); },
          .read_run = read_run_history};
}

Coordinator::Coordinator(CoordinatorOptions options, std::unique_ptr<Store> store)
    : options_(std::move(options)), store_(std::move(store)) {}

Coordinator::~Coordinator() {
  executor_.reset();  // no more ends come
}

StatusOr<std::unique_ptr<Coordinator>> Coordinator::open(
    CoordinatorOptions options, std::unique_ptr<Store> store,
    const std::function<std::unique_ptr<Executor>(std::function<void(const Ended&)>)>& make_executor) {
  std::unique_ptr<Coordinator> it(new Coordinator(std::move(options), std::move(store)));
  RETURN_IF_ERROR(it->store_->read_events(0, [&](const proto::Event& event) { apply(it->state_, event); }));
  RETURN_IF_ERROR(it->store_->read_fences(
      [&](const ReportFence& fence) { it->last_seqs_[{fence.sweep, fence.trial, fence.attempt}] = fence.seq; }));
  it->revision_ = it->state_.revision;
  it->executor_ = make_executor([coordinator = it.get()](const Ended& ended) { coordinator->on_ended(ended); });
  it->remove_deleted_checkpoints();
  return it;
}

bool Coordinator::enqueue(Task task, bool always) {
  const std::lock_guard lock(mutex_);
  if (!always && (ended_ || stopping_ || tasks_.size() >= kMostTasks)) return false;
  tasks_.push_back(std::move(task));
  arrived_.notify_one();
  return true;
}

bool Coordinator::post(std::function<Status(Desk&)> decide, std::function<void(const Status&)> done) {
  return enqueue({.decide = std::move(decide), .done = std::move(done), .status = {}}, /*always=*/false);
}

void Coordinator::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  arrived_.notify_all();
}

bool Coordinator::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::size_t Coordinator::waiting() {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

bool Coordinator::wait_for_event(std::int64_t revision, std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  advanced_.wait_for(lock, at_most, [&] { return revision_ > revision || ended_; });
  return revision_ > revision;
}

ViewOptions Coordinator::view_options() {
  const std::lock_guard lock(mutex_);
  return {.state_directory = options_.state_directory.string(),
          .cores = static_cast<int>(options_.cores.size()),
          .now_ms = options_.outside.wall_ms(),
          .with_spec = false,
          .holding = holding_};
}

void Coordinator::wait_for_tasks() {
  auto wait = watch_.period(state_);
  const std::int64_t now_ms = options_.outside.wall_ms();
  if (const auto next = next_time(state_, now_ms)) {
    wait = std::min<AttemptWatch::Clock::duration>(wait, std::chrono::milliseconds(*next - now_ms + 1));
  }
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, wait, [this] { return stopping_ || !tasks_.empty(); });
}

Status Coordinator::step() {
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  return round(tasks);
}

Status Coordinator::run() {
  Status status;
  bool stopping = false;
  while (status.ok() && !stopping) {
    wait_for_tasks();
    status = step();
    const std::lock_guard lock(mutex_);
    stopping = stopping_ && tasks_.empty();
  }
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(tasks_);
  }
  advanced_.notify_all();
  for (Task& task : left) task.done(absl::UnavailableError("the coordinator is ending"));
  return status;
}

void Coordinator::apply_events(Commit& commit) {
  const std::int64_t time = options_.outside.wall_ms();
  for (proto::Event& event : commit.events) {
    event.set_time_ms(time);
    apply(state_, event);
    if (event.has_checkpoint_written()) touched_.emplace(event.sweep(), event.checkpoint_written().trial());
    if (event.has_checkpoint_pinned()) touched_.emplace(event.sweep(), event.checkpoint_pinned().trial());
    if (event.has_attempt_ended()) {
      const proto::AttemptEnded& ended = event.attempt_ended();
      watch_.end({event.sweep(), ended.trial(), ended.attempt()});
      last_seqs_.erase({event.sweep(), ended.trial(), ended.attempt()});
      touched_.emplace(event.sweep(), ended.trial());
    }
    if (event.has_sweep_changed()) {
      if (const Sweep* const sweep = state_.find(event.sweep()); sweep != nullptr && sweep->is_ended()) {
        for (const Trial& trial : sweep->trials) touched_.emplace(sweep->id, trial.number);
      }
    }
    if (event.has_checkpoint_deleted()) {
      const Sweep* const sweep = state_.find(event.sweep());
      const Trial& trial = sweep->trials[static_cast<std::size_t>(event.checkpoint_deleted().trial())];
      to_remove_.push_back(options_.state_directory /
                           checkpoint_path(*sweep, trial, event.checkpoint_deleted().step()));
    }
  }
}

void Coordinator::plan_all(std::vector<Commit>& commits) {
  const Resources resources{.cores = room_.ok() ? std::span<const int>(options_.cores) : std::span<const int>(),
                            .new_token = [] { return new_secret(16); }};
  for (int i = 0; i < kMostPlans; ++i) {
    Commit commit;
    commit.events = plan(state_, resources, options_.outside.wall_ms());
    if (commit.events.empty()) return;
    apply_events(commit);
    commits.push_back(std::move(commit));
  }
  CHECK(false, "the plan does not come to an end");
}

void Coordinator::collect_checkpoints(std::vector<Commit>& commits) {
  for (const auto& [id, number] : std::exchange(touched_, {})) {
    const Sweep* const sweep = state_.find(id);
    if (sweep == nullptr) continue;
    Commit commit;
    commit.events = deletions(*sweep, retention(*sweep, sweep->trials[static_cast<std::size_t>(number)]));
    if (commit.events.empty()) continue;
    apply_events(commit);
    commits.push_back(std::move(commit));
  }
}

void Coordinator::hear(const Desk::Heard& heard) {
  watch_.heard(heard.key);
  std::int64_t& last = last_seqs_[heard.key];
  last = std::max(last, heard.seq);
}

// What the tasks leave. One that repeats a request id of this round waits for the next, where the first is in the
// store.
std::vector<Commit> Coordinator::decide(std::deque<Task>& tasks) {
  std::vector<Commit> commits;
  std::set<std::string> requests;
  std::deque<Task> decided;
  std::deque<Task> put_off;
  for (Task& task : tasks) {
    Desk desk{.state = state_,
              .now_ms = options_.outside.wall_ms(),
              .store = *store_,
              .last_seqs = last_seqs_,
              .commit = {},
              .heard = {}};
    task.status = task.decide(desk);
    if (task.status.ok() && desk.commit.request && !requests.insert(desk.commit.request->id).second) {
      put_off.push_back(std::move(task));
      continue;
    }
    if (desk.heard) hear(*desk.heard);
    if (task.status.ok()) {
      apply_events(desk.commit);
      const Commit& commit = desk.commit;
      if (!commit.events.empty() || !commit.points.empty() || commit.request) commits.push_back(std::move(desk.commit));
    }
    decided.push_back(std::move(task));
  }
  tasks.swap(decided);
  const std::lock_guard lock(mutex_);
  tasks_.insert(tasks_.begin(), std::make_move_iterator(put_off.begin()), std::make_move_iterator(put_off.end()));
  return commits;
}

Status Coordinator::commit(std::vector<Commit>& commits) {
  if (commits.empty()) return OkStatus();
  const auto began = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const std::vector<Status> results, store_->commit(commits));
  if (on_commit_) on_commit_(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    CHECK(results[i].ok() || commits[i].events.empty(), "the store refused what the state admitted: {}",
          std::string(results[i].message()));
    for (const proto::Event& event : commits[i].events) log_event(event);
  }
  return OkStatus();
}

Status Coordinator::round(std::deque<Task>& tasks) {
  watch_.begin_round(state_, options_.outside.running());
  look_for_room();
  std::vector<Commit> commits = decide(tasks);
  plan_all(commits);
  collect_checkpoints(commits);
  const Status status = commit(commits);
  if (status.ok()) {
    CHECK(store_->last_revision() == state_.revision, "the log is at {}, the state at {}", store_->last_revision(),
          state_.revision);
    const std::lock_guard lock(mutex_);
    revision_ = state_.revision;
    advanced_.notify_all();
  }
  for (Task& task : tasks) {
    task.done(status.ok() ? task.status : absl::UnavailableError("the coordinator cannot write its log and ends"));
  }
  return status.ok() ? act() : status;
}

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
            .evaluations = std::move(history.evaluations),
            .checkpoints = std::move(history.checkpoints)});
}

void Coordinator::note_end(const AttemptResult& result) {
  Task task;
  task.decide = [result](Desk& desk) {
    desk.commit.events = attempt_ended(desk.state, result, desk.now_ms);
    return OkStatus();
  };
  task.done = [](const Status&) {};
  enqueue(std::move(task), /*always=*/true);
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
