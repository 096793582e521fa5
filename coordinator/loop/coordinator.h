// The loop that owns the state: requests in, events durable, then replies and actions.
//
// One thread decides. Each round takes the requests that wait, makes events of them, lets plan() add what follows,
// commits all of it in one transaction, and only then answers, starts and stops processes and deletes files. What was
// answered is on disk; what was started was written down before. When the store fails, or a file that a trial needs
// cannot be written, the loop ends, and the process must: nothing goes on in memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/execute/executor.h"
#include "coordinator/loop/attempt_watch.h"
#include "coordinator/loop/event_clock.h"
#include "coordinator/loop/run_history.h"
#include "coordinator/loop/searches.h"
#include "coordinator/store/store.h"
#include "coordinator/sweep/attempts.h"
#include "coordinator/sweep/plan.h"
#include "coordinator/sweep/trial_job.h"
#include "coordinator/sweep/view.h"

namespace lockstep {

// What the loop sees of the machine; tests bring their own.
struct Outside {
  std::function<std::int64_t()> wall_ms;                     // since 1970: people set it, and it may step
  std::function<AttemptWatch::Clock::time_point()> running;  // never runs back
  // Whether the log is still where it was opened, asked once a round before anything is written; the error says what
  // has become of it, and ends the loop.
  std::function<Status()> log_there = [] { return OkStatus(); };
  // Whether the disk has room to start trials, asked once a round; the error says why not. While there is none the
  // coordinator holds: it reads, answers, takes reports and collects checkpoints, and starts nothing.
  std::function<Status()> room;
  std::function<RunHistory(const std::filesystem::path&)> read_run;
  // Answers what a search that learns is asked, on whatever thread; none: a thread of the coordinator's own does.
  Searches::Search search;
};
// Real clocks and files, and room always.
Outside real_outside();

struct CoordinatorOptions {
  std::filesystem::path state_directory;  // absolute; there
  Machine machine;
  std::vector<int> cores;
  Runner runner;
  Outside outside = real_outside();
};

class Coordinator {
 public:
  // What a request sees and leaves, on the loop's thread.
  struct Desk {
    const State& state;
    std::int64_t now_ms = 0;
    Store& store;
    const std::map<AttemptKey, std::int64_t>& last_seqs;  // the number of the last report of attempts that run; none: 0
    Commit commit;                                        // its events are applied after it returns
    struct Heard {
      AttemptKey key;
      std::int64_t seq = 0;  // of a report
    };
    std::optional<Heard> heard;  // an attempt that reported
  };

  // Reads the log. `make_executor` gets the function that is to be called at an attempt's end.
  // Errors: those of the store.
  static StatusOr<std::unique_ptr<Coordinator>> open(
      CoordinatorOptions options, std::unique_ptr<Store> store,
      const std::function<std::unique_ptr<Executor>(std::function<void(const Ended&)>)>& make_executor);
  ~Coordinator();

  // Called with the time of each transaction of the log, on the loop's thread. Requires: run() was not called.
  void on_commit(std::function<void(double seconds)> told) { on_commit_ = std::move(told); }

  // Until stop(), which leaves trials running. Errors: those of the store, and io_error when a file of a trial cannot
  // be written, or the log is gone: the process must end.
  Status run();
  void stop();  // Threads: any.

  // One round with the requests that wait now, on the caller's thread: for tests that hold the clocks. Errors: those of
  // run(). Requires: run() is not called.
  Status step();

  // Runs `decide` on the loop's thread; returns when its events are durable, with what `answer` makes of the state
  // then, behind all others of the same round: what `decide` saw may be gone. Errors: those of both; kUnavailable when
  // the loop has ended or too many requests wait. Threads: any but the loop's.
  template <typename Reply>
  StatusOr<Reply> ask(std::function<Status(Desk&)> decide, std::function<StatusOr<Reply>(const State&)> answer);

  // The same for one who does not wait: `done` is called when that is so, or never when step() is not called again.
  // False: the loop has ended or too many requests wait. Threads: any.
  bool post(std::function<Status(Desk&)> decide, std::function<void(const Status&)> done);

  // Waits until there is an event after `revision`; false: not within the time, or the loop has ended. Threads: any.
  bool wait_for_event(std::int64_t revision, std::chrono::milliseconds at_most);
  bool ended();           // Threads: any.
  std::size_t waiting();  // Requests that no round has taken yet. Threads: any.

  ViewOptions view_options();  // Threads: any.
  const CoordinatorOptions& options() const { return options_; }

 private:
  struct Task {
    std::function<Status(Desk&)> decide;
    std::function<void(const Status&)> done;  // after the commit
    Status status;
  };

  Coordinator(CoordinatorOptions options, std::unique_ptr<Store> store);
  std::int64_t now_ms() const { return clock_->now_ms(); }
  bool enqueue(Task task, bool always);
  void enqueue_work(std::function<Status(Desk&)> work);  // which nobody asks for, and nothing refuses
  void wait_for_tasks();
  std::vector<Commit> decide(std::deque<Task>& tasks);
  void hear(const Desk::Heard& heard);
  Status round(std::deque<Task>& tasks);
  Status commit(std::vector<Commit>& commits);
  void apply_events(Commit& commit);
  void plan_all(std::vector<Commit>& commits);
  void collect_checkpoints(std::vector<Commit>& commits);
  void look_for_room();
  Status act();
  bool may_start(const Sweep& sweep, const Trial& trial, const Attempt& attempt) const;
  Status start(const Sweep& sweep, const Trial& trial, const Attempt& attempt);
  void note_end(const AttemptResult& result);
  void on_ended(const Ended& ended);
  void remove_deleted_checkpoints();

  const CoordinatorOptions options_;
  const std::unique_ptr<Store> store_;
  std::unique_ptr<Executor> executor_;
  State state_;
  std::optional<EventClock> clock_;  // since the log is read
  Absence absence_;
  AttemptWatch watch_;
  std::map<AttemptKey, std::int64_t> last_seqs_;   // of attempts that run
  std::set<std::pair<std::string, int>> touched_;  // trials whose checkpoints are to be looked at
  std::vector<std::filesystem::path> to_remove_;
  Searches searches_;
  Status room_;  // in this round
  std::function<void(double)> on_commit_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  std::condition_variable advanced_;
  std::deque<Task> tasks_;
  std::int64_t revision_ = 0;
  std::string holding_;  // why it holds; empty: it does not
  bool stopping_ = false;
  bool ended_ = false;
};

template <typename Reply>
StatusOr<Reply> Coordinator::ask(std::function<Status(Desk&)> decide,
                                 std::function<StatusOr<Reply>(const State&)> answer) {
  auto promise = std::make_shared<std::promise<StatusOr<Reply>>>();
  std::future<StatusOr<Reply>> future = promise->get_future();
  Task task;
  task.decide = std::move(decide);
  task.done = [this, promise, answer = std::move(answer)](const Status& status) {
    if (status.ok()) {
      promise->set_value(answer(state_));
    } else {
      promise->set_value(status);
    }
  };
  if (!enqueue(std::move(task), /*always=*/false)) {
    return absl::UnavailableError("the coordinator is ending, or too many requests wait: try again");
  }
  return future.get();
}

}  // namespace lockstep
