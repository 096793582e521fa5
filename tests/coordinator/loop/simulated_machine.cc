#include "tests/coordinator/loop/simulated_machine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "coordinator/loop/reports.h"
#include "tests/coordinator/loop/store_doubles.h"
#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRound(500), kLease(8000), kHeartbeat(2000);
constexpr int kSweeps = 2, kTrials = 3, kEpochs = 9;
constexpr int kMostRounds = 3000;
constexpr int kCommitsOfTheReserve = 100;
constexpr double kNonsense = 99;

double accuracy_of(int trial, int epoch) {
  return 0.1 * trial + 0.01 * epoch;
}

proto::EvalMetric evaluation(int trial, int epoch) {
  proto::EvalMetric metric;
  metric.set_epoch(epoch);
  metric.set_step(10 * epoch);
  metric.set_loss(1);
  metric.set_accuracy(accuracy_of(trial, epoch));
  return metric;
}

// One coordinator's way to the log: the first error stays.
class LogOnDisk : public StoreDouble {
 public:
  LogOnDisk(std::shared_ptr<Store> log, std::function<Status()> write)
      : StoreDouble(std::move(log)), write_(std::move(write)) {}
  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    if (error_.ok() && !commits.empty()) error_ = write_();
    RETURN_IF_ERROR(error_);
    return real_->commit(commits);
  }

 private:
  std::function<Status()> write_;
  Status error_;
};

}  // namespace

// Full or not, with the log on it, which outlives coordinators.
class SimulatedMachine::Disk {
 public:
  bool full = false;

  std::unique_ptr<Store> open_log() {
    return std::make_unique<LogOnDisk>(log_, [this] { return write(); });
  }
  Store& log() { return *log_; }
  // As Room does.
  Status look() {
    if (full) return absl::ResourceExhaustedError("the disk is full");
    reserved_ = true;
    return OkStatus();
  }
  void release() {
    if (std::exchange(reserved_, false)) commits_left_ = kCommitsOfTheReserve;
  }

 private:
  Status write() { return !full || commits_left_-- > 0 ? OkStatus() : io_error("database or disk is full"); }

  const std::shared_ptr<Store> log_ = make_memory_store();
  bool reserved_ = false;
  int commits_left_ = 0;  // that the room of the reserve takes
};

class SimulatedMachine::Processes : public Executor {
 public:
  explicit Processes(SimulatedMachine& machine) : machine_(machine) {}
  void ensure(const AttemptKey& key, const std::filesystem::path& directory, const proto::AttemptFile& file) override {
    if (machine_.started_.insert(directory).second) return machine_.start(key, file);
    if (machine_.ended_.contains(key)) machine_.to_tell_.push_back(key);  // once more, to this coordinator
  }
  bool was_started(const std::filesystem::path& directory) const override {
    return machine_.started_.contains(directory);
  }
  void ask_to_stop(const AttemptKey& key) override { machine_.end(key, proto::EXITED, 75); }
  void kill(const AttemptKey& key, proto::AttemptEnd why) override {
    if (!machine_.hung_.contains(key)) machine_.wrong("a healthy attempt was fenced");
    machine_.end(key, why, -1);
  }
  std::vector<int> cores() const override { return {0, 1}; }

 private:
  SimulatedMachine& machine_;
};

SimulatedMachine::SimulatedMachine(std::uint64_t seed, std::filesystem::path directory, Protections protections)
    : protections_(protections), directory_(std::move(directory)), chance_(seed), disk_(std::make_unique<Disk>()) {
  open();
}

SimulatedMachine::~SimulatedMachine() = default;

void SimulatedMachine::wrong(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

void SimulatedMachine::pass(Milliseconds time) {
  time_.pass(time);
  for (auto& [key, process] : processes_) process.silent += time;
}

// The next coordinator, in whatever way the last one has ended.
void SimulatedMachine::open() {
  coordinator_.reset();
  asked_.clear();
  CoordinatorOptions options;
  options.state_directory = directory_;
  options.machine = {.cores = 2, .root = "/data"};
  options.cores = {0, 1};
  options.runner = {.trainer = "/bin/true", .mpirun = {"mpirun"}};
  options.outside = time_.outside();
  if (!protections_.clock) {
    options.outside.running = [wall_ms = options.outside.wall_ms] {
      return AttemptWatch::Clock::time_point(milliseconds(wall_ms()));
    };
  }
  options.outside.room = [this] {
    const Status room = disk_->look();
    return protections_.room ? room : OkStatus();
  };
  options.outside.read_run = [this](const std::filesystem::path& run) { return history_of(run); };
  options.outside.search = [this](Question question, SearchWorker::OnAnswer on_answer) {
    asked_.emplace_back(std::move(question), std::move(on_answer));
  };
  auto opened = Coordinator::open(options, disk_->open_log(), [this](OnEnded on_ended) {
    on_ended_ = std::move(on_ended);
    return std::make_unique<Processes>(*this);
  });
  CHECK(opened.ok(), "{}", std::string(opened.status().message()));
  coordinator_ = *std::move(opened);
}

void SimulatedMachine::round() {
  tell_ends();
  answer_searches();
  if (coordinator_->step().ok()) return;
  disk_->release();
  open();
}

void SimulatedMachine::tell_ends() {
  for (const AttemptKey& key : std::exchange(to_tell_, {})) on_ended_(ended_.at(key));
}

// Late, and in any order.
void SimulatedMachine::answer_searches() {
  if (asked_.empty() || one_in(2)) return;
  const std::size_t place = chance_() % asked_.size();
  const auto [question, on_answer] = asked_[place];
  asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(place));
  on_answer(answer(question));
}

std::filesystem::path SimulatedMachine::run_of(const AttemptKey& key) const {
  return directory_ / trial_directory(key.sweep, key.trial) / "run";
}

RunHistory SimulatedMachine::history_of(const std::filesystem::path& run) {
  RunHistory history;
  const Run& it = runs_[run];
  for (const int epoch : it.lines) history.evaluations.push_back(evaluation(it.trial, epoch));
  return history;
}

void SimulatedMachine::start(const AttemptKey& key, const proto::AttemptFile& file) {
  if (disk_->full) wrong("a trial was started on a full disk");
  for (const auto& [other, process] : processes_) {
    if (other.sweep == key.sweep && other.trial == key.trial) wrong("two attempts of a trial live");
  }
  Process& process = processes_[key];
  process.id.set_sweep(key.sweep);
  process.id.set_trial(key.trial);
  process.id.set_attempt(key.attempt);
  process.id.set_token(file.token());
  Run& run = runs_[run_of(key)];
  run.trial = key.trial;
  process.epoch = run.epoch;
  for (int epoch = 1; protections_.line && epoch <= run.epoch; ++epoch) {  // the checkpoint holds them
    run.lines.insert(epoch);
    process.untold.insert(epoch);
  }
}

void SimulatedMachine::end(const AttemptKey& key, proto::AttemptEnd how, int exit_code) {
  if (processes_.erase(key) == 0) return;
  ended_[key] = {.key = key, .end = how, .exit_code = exit_code, .message = ""};
  to_tell_.push_back(key);
}

void SimulatedMachine::befall() {
  if (one_in(40)) pause();
  if (one_in(30)) hang_or_kill();
  if (one_in(60)) disk_->full = true;
  if (disk_->full && one_in(12)) disk_->full = false;
  if (one_in(60)) open();  // the coordinator was killed
  if (one_in(40)) time_.step_wall(std::chrono::minutes(static_cast<int>(chance_() % 241) - 120));
  if (one_in(20) && acknowledged_ < kSweeps) ask_for_sweep();
}

// Three leases long the trainers tell nobody; then some have a report that waited, and the others connect again.
void SimulatedMachine::pause() {
  if (protections_.pause) {
    pass(3 * kLease);
  } else {  // as one that counts its pauses
    for (milliseconds gone(0); gone < 3 * kLease; gone += kRound) {
      pass(kRound);
      round();
    }
  }
  std::vector<AttemptKey> waited;
  for (const auto& [key, process] : processes_) {
    if (!process.hangs && one_in(2)) waited.push_back(key);
  }
  for (const AttemptKey& key : waited) {
    if (const auto found = processes_.find(key); found != processes_.end()) send(key, found->second);
  }
}

// With the line that was not synced, if chance wants.
void SimulatedMachine::hang_or_kill() {
  if (processes_.empty()) return;
  const auto place = std::next(processes_.begin(), static_cast<std::ptrdiff_t>(chance_() % processes_.size()));
  const AttemptKey key = place->first;
  if (one_in(3)) {
    place->second.hangs = true;
    hung_.insert(key);
    return;
  }
  Run& run = runs_[run_of(key)];
  if (one_in(2) && !run.lines.empty() && place->second.untold.contains(*run.lines.rbegin())) {
    run.lines.erase(std::prev(run.lines.end()));
  }
  end(key, proto::LOST, -1);
}

void SimulatedMachine::live() {
  std::vector<AttemptKey> keys;
  for (const auto& [key, process] : processes_) {
    if (!process.hangs) keys.push_back(key);
  }
  for (const AttemptKey& key : keys) live(key, processes_.at(key));
}

void SimulatedMachine::live(const AttemptKey& key, Process& process) {
  Run& run = runs_[run_of(key)];
  if (process.epoch == kEpochs) {
    if (process.untold.empty() || one_in(3)) return end(key, proto::EXITED, 0);
  } else if (one_in(3)) {
    run.epoch = ++process.epoch;
    run.lines.insert(process.epoch);
    process.untold.insert(process.epoch);
  }
  if (process.silent >= kHeartbeat || (!process.untold.empty() && one_in(2))) send(key, process);
}

// What was not answered is sent as it was.
void SimulatedMachine::send(const AttemptKey& key, Process& process) {
  if (!process.under_way) {
    proto::ReportRequest request;
    *request.mutable_attempt() = process.id;
    request.set_seq(++process.seq);
    for (const int epoch : process.untold) *request.add_eval() = evaluation(key.trial, epoch);
    process.under_way = request;
  }
  process.silent = milliseconds(0);
  const bool answer_is_lost = one_in(8);
  const proto::ReportRequest request = *process.under_way;
  coordinator_->post([request](Coordinator::Desk& desk) { return take_report(desk, request); },
                     [this, key, answer_is_lost](const Status& status) {
                       if (!answer_is_lost) answered(key, status);
                     });
  if (one_in(8)) repeat_number(process);
}

void SimulatedMachine::answered(const AttemptKey& key, const Status& status) {
  const auto found = processes_.find(key);
  if (found == processes_.end() || !found->second.under_way) return;
  if (absl::IsPermissionDenied(status)) wrong("an attempt that lives was refused");
  if (!status.ok()) return;
  for (const proto::EvalMetric& it : found->second.under_way->eval()) found->second.untold.erase(it.epoch());
  found->second.under_way.reset();
}

// The number of a report that was sent, with all evaluations that there may be, of another value.
void SimulatedMachine::repeat_number(const Process& process) {
  proto::ReportRequest request;
  *request.mutable_attempt() = process.id;
  request.set_seq(process.seq);
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    *request.add_eval() = evaluation(process.id.trial(), epoch);
    request.mutable_eval()->rbegin()->set_accuracy(kNonsense);
  }
  const bool asks = protections_.seq;
  coordinator_->post(
      [request, asks](Coordinator::Desk& desk) -> Status {
        if (asks) return take_report(desk, request);
        ASSIGN_OR_RETURN(desk.commit.events, report(desk.state, request));
        return OkStatus();
      },
      [](const Status&) {});
}

void SimulatedMachine::ask_for_sweep() {
  const proto::SweepSpec spec =
      sample_spec(fmt::format("limits {{ trials: {} parallel: 2 }} search {{ {} }} "
                              "retries {{ limit: 1000 backoff_seconds: 1 lease_seconds: {} }}",
                              kTrials, one_in(2) ? "sobol {}" : "tpe { startup_trials: 1 }", kLease.count() / 1000));
  coordinator_->post(
      [spec](Coordinator::Desk& desk) -> Status {
        ASSIGN_OR_RETURN(desk.commit.events, submit(desk.state, spec));
        return OkStatus();
      },
      [this](const Status& status) { acknowledged_ += status.ok() ? 1 : 0; });
}

// What must be in the log in the end.
void SimulatedMachine::check_log() {
  State state;
  std::int64_t last_ms = 0;
  for (const proto::Event& event : events_after(disk_->log(), 0)) {
    if (event.time_ms() < last_ms) wrong("the time of an event runs back");
    last_ms = event.time_ms();
    apply(state, event);
  }
  if (state.sweeps.size() < static_cast<std::size_t>(acknowledged_))
    wrong("a sweep that was acknowledged is not there");
  for (const Sweep& sweep : state.sweeps) {
    for (const Trial& trial : sweep.trials) {
      if (trial.state != proto::TRIAL_COMPLETED) wrong("a trial is " + name_of(trial.state));
      if (trial.evaluations.size() != kEpochs) wrong("an evaluation was lost");
      for (const proto::Evaluated& it : trial.evaluations) {
        if (!std::isfinite(it.accuracy())) wrong("an evaluation was lost");
        if (it.accuracy() != accuracy_of(trial.number, it.epoch())) wrong("an old report was taken");
      }
    }
  }
}

std::string SimulatedMachine::run() {
  // A sweep that has paused because so many attempts were lost goes on, as a person lets it.
  const auto look = [this](Coordinator::Desk& desk) -> Status {
    all_ended_ = acknowledged_ == kSweeps && std::all_of(desk.state.sweeps.begin(), desk.state.sweeps.end(),
                                                         [](const Sweep& it) { return it.is_ended(); });
    for (const Sweep& sweep : desk.state.sweeps) {
      if (sweep.state != proto::SWEEP_PAUSED) continue;
      proto::ChangeRequest request;
      request.set_sweep(sweep.id);
      request.set_wish(proto::RESUME);
      ASSIGN_OR_RETURN(const Events resumed, change(desk.state, request));
      desk.commit.events.insert(desk.commit.events.end(), resumed.begin(), resumed.end());
    }
    return OkStatus();
  };
  for (int i = 0; i < kMostRounds && !all_ended_ && wrong_.empty(); ++i) {
    pass(kRound);
    befall();
    live();
    coordinator_->post(look, [](const Status&) {});
    round();
  }
  if (!all_ended_) wrong("the sweeps do not come to an end");
  if (wrong_.empty()) check_log();
  return wrong_;
}

}  // namespace lockstep
