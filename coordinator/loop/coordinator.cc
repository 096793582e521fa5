#include "coordinator/loop/coordinator.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "coordinator/loop/log_lines.h"
#include "coordinator/loop/secret.h"
#include "coordinator/sweep/attempts.h"
#include "coordinator/sweep/retention.h"
#include "storage/base/log.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostTasks = 10'000;
constexpr int kMostPlans = 100'000;

}  // namespace

Outside real_outside() {
  return {.wall_ms =
              [] {
                const auto now = std::chrono::system_clock::now().time_since_epoch();
                return std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
              },
          .running = AttemptWatch::Clock::now,
          .room = [] { return OkStatus(); },
          .read_run = read_run_history,
          .search = {}};
}

Coordinator::Coordinator(CoordinatorOptions options, std::unique_ptr<Store> store)
    : options_(std::move(options)), store_(std::move(store)), searches_(options_.outside.search, [this](auto work) {
        enqueue_work([work = std::move(work)](Desk& desk) {
          work(desk.state);
          return OkStatus();
        });
      }) {}

Coordinator::~Coordinator() {
  searches_.end();    // no more answers come
  executor_.reset();  // no more ends
}

namespace {

// Directories of sweeps that the log does not know would become those of new ones, with all that they hold.
Status check_sweeps_are_known(const std::filesystem::path& state_directory, std::int64_t submitted) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(state_directory / "sweeps", error)) {
    const std::string name = entry.path().filename().string();
    std::int64_t number = 0;
    const char* const end = name.data() + name.size();
    const bool is_sweep = name.starts_with('s') && std::from_chars(name.data() + 1, end, number).ptr == end;
    if (!is_sweep || number <= submitted) continue;
    return bad_data(
        fmt::format("{}: the log knows {} sweeps, so this one is of a log that was deleted, or is newer; a sweep "
                    "submitted now would take its results for its own. Put that log back, move \"sweeps\" away, or "
                    "choose another --state",
                    entry.path().string(), submitted));
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<Coordinator>> Coordinator::open(
    CoordinatorOptions options, std::unique_ptr<Store> store,
    const std::function<std::unique_ptr<Executor>(std::function<void(const Ended&)>)>& make_executor) {
  std::unique_ptr<Coordinator> it(new Coordinator(std::move(options), std::move(store)));
  RETURN_IF_ERROR(it->store_->read_events(0, [&](const proto::Event& event) { apply(it->state_, event); }));
  RETURN_IF_ERROR(it->store_->read_fences(
      [&](const ReportFence& fence) { it->last_seqs_[{fence.sweep, fence.trial, fence.attempt}] = fence.seq; }));
  RETURN_IF_ERROR(check_sweeps_are_known(it->options_.state_directory, it->state_.submitted));
  it->revision_ = it->state_.revision;
  it->clock_.emplace(it->state_.time_ms, it->options_.outside.wall_ms, [running = it->options_.outside.running] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(running().time_since_epoch()).count();
  });
  it->absence_ = {.from_ms = it->state_.time_ms, .to_ms = it->now_ms()};
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

void Coordinator::enqueue_work(std::function<Status(Desk&)> work) {
  enqueue({.decide = std::move(work), .done = [](const Status&) {}, .status = {}}, /*always=*/true);
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
          .now_ms = now_ms(),
          .with_spec = false,
          .holding = holding_};
}

void Coordinator::wait_for_tasks() {
  auto wait = watch_.period(state_);
  const std::int64_t now = now_ms();
  if (const auto next = next_time(state_, now, absence_)) {
    wait = std::min<AttemptWatch::Clock::duration>(wait, std::chrono::milliseconds(*next - now + 1));
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
  const std::int64_t time = now_ms();
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
  searches_.forget(state_);
  const Resources resources{.cores = room_.ok() ? std::span<const int>(options_.cores) : std::span<const int>(),
                            .new_token = [] { return new_secret(16); },
                            .answers = searches_.answers(),
                            .absence = absence_};
  for (int i = 0; i < kMostPlans; ++i) {
    Plan planned = plan(state_, resources, now_ms());
    if (planned.events.empty()) {
      if (!searches_.ask(state_, planned.wanted)) return;
      continue;
    }
    Commit commit;
    commit.events = std::move(planned.events);
    apply_events(commit);
    commits.push_back(std::move(commit));
  }
  CHECK(false, "the plan does not come to an end");
}

void Coordinator::collect_checkpoints(std::vector<Commit>& commits) {
  const std::set<std::pair<std::string, int>> touched = std::exchange(touched_, {});
  const Sweep* sweep = nullptr;
  std::optional<Retention> retention;  // of this sweep: nothing that is decided here changes what stays
  for (const auto& [id, number] : touched) {
    if (sweep == nullptr || sweep->id != id) {
      sweep = state_.find(id);
      if (sweep == nullptr) continue;
      retention.emplace(*sweep);
    }
    Commit commit;
    commit.events = deletions(*sweep, retention->of(sweep->trials[static_cast<std::size_t>(number)]));
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
    Desk desk{
        .state = state_, .now_ms = now_ms(), .store = *store_, .last_seqs = last_seqs_, .commit = {}, .heard = {}};
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
  Status status = options_.outside.log_there();
  if (status.ok()) {
    watch_.begin_round(state_, options_.outside.running());
    look_for_room();
    std::vector<Commit> commits = decide(tasks);
    plan_all(commits);
    collect_checkpoints(commits);
    status = commit(commits);
  }
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

}  // namespace lockstep
