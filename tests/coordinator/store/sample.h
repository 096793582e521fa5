// Events and commits for tests of the store.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/store.h"

namespace lockstep {

inline proto::Event event_of(std::string sweep, std::int64_t time_ms = 1000) {
  proto::Event event;
  event.set_sweep(std::move(sweep));
  event.set_time_ms(time_ms);
  return event;
}

inline proto::Event submitted(const std::string& sweep) {
  proto::Event event = event_of(sweep);
  event.mutable_sweep_submitted()->mutable_spec()->set_name("name of " + sweep);
  return event;
}

inline proto::Event created(const std::string& sweep, int trial) {
  proto::Event event = event_of(sweep);
  proto::TrialCreated& created = *event.mutable_trial_created();
  created.set_trial(trial);
  created.set_reason("a random draw");
  proto::Assignment& rate = *created.add_assignment();
  rate.set_name("rate");
  rate.set_number(0.1);
  proto::Assignment& kind = *created.add_assignment();
  kind.set_name("kind");
  kind.set_choice("the \"big\" one\n");
  return event;
}

inline proto::Event planned(const std::string& sweep, int trial, int attempt, const std::string& token) {
  proto::Event event = event_of(sweep);
  proto::AttemptPlanned& planned = *event.mutable_attempt_planned();
  planned.set_trial(trial);
  planned.set_attempt(attempt);
  planned.set_token(token);
  planned.add_core(0);
  planned.add_core(3);
  planned.set_reason("cores are free");
  return event;
}

inline proto::Event ended(const std::string& sweep, int trial, int attempt) {
  proto::Event event = event_of(sweep);
  proto::AttemptEnded& ended = *event.mutable_attempt_ended();
  ended.set_trial(trial);
  ended.set_attempt(attempt);
  ended.set_end(proto::EXITED);
  ended.set_exit_code(75);
  ended.set_seconds(12.5);
  return event;
}

inline proto::Event evaluated(const std::string& sweep, int trial, int epoch, double accuracy = 0.5) {
  proto::Event event = event_of(sweep);
  proto::Evaluated& result = *event.mutable_evaluated();
  result.set_trial(trial);
  result.set_epoch(epoch);
  result.set_step(100 * epoch);
  result.set_loss(1.25);
  result.set_accuracy(accuracy);
  proto::MetricValue& metric = *result.add_metric();
  metric.set_name("f1/a b");
  metric.set_value(accuracy / 2);
  return event;
}

inline MetricPoint point(const std::string& sweep, int trial, int attempt, std::int64_t step, double loss) {
  return {.sweep = sweep,
          .trial = trial,
          .attempt = attempt,
          .step = step,
          .loss = loss,
          .accuracy = 0.25,
          .learning_rate = 0.125,
          .images_per_second = 1000};
}

inline Commit commit_of(std::vector<proto::Event> events) {
  Commit commit;
  commit.events = std::move(events);
  return commit;
}

// One event of each kind and more, of one sweep: all tables get rows.
inline Commit whole_story() {
  Commit commit = commit_of({submitted("s1"), created("s1", 0), planned("s1", 0, 1, "first")});
  proto::Event running = event_of("s1");
  running.mutable_trial_changed()->set_state(proto::TRIAL_RUNNING);
  running.mutable_trial_changed()->set_reason("attempt 1");
  proto::Event attached = event_of("s1", 1500);
  attached.mutable_attempt_attached()->set_attempt(1);
  proto::Event judged = event_of("s1");
  judged.mutable_trial_judged()->set_epoch(1);
  judged.mutable_trial_judged()->set_stop(true);
  judged.mutable_trial_judged()->set_reason("0.5 is below the median 0.7");
  proto::Event written = event_of("s1");
  written.mutable_checkpoint_written()->set_attempt(1);
  written.mutable_checkpoint_written()->set_step(100);
  written.mutable_checkpoint_written()->set_path("s1/0/step-000000100.h5");
  proto::Event pinned = event_of("s1");
  pinned.mutable_checkpoint_pinned()->set_step(100);
  pinned.mutable_checkpoint_pinned()->set_pinned(true);
  proto::Event deleted = event_of("s1");
  deleted.mutable_checkpoint_deleted()->set_step(100);
  deleted.mutable_checkpoint_deleted()->set_reason("not among the best");
  proto::Event stopped = event_of("s1", 2000);
  stopped.mutable_sweep_changed()->set_state(proto::SWEEP_STOPPED);
  stopped.mutable_sweep_changed()->set_reason("asked to");
  proto::Event gone = event_of("s1");
  gone.mutable_sweep_deleted();
  for (const proto::Event& event :
       {running, attached, evaluated("s1", 0, 1), judged, written, pinned, ended("s1", 0, 1), deleted, stopped, gone}) {
    commit.events.push_back(event);
  }
  return commit;
}

// Whether all events are there, in order. The error of the store is a failure of the caller's.
inline std::vector<proto::Event> events_after(Store& store, std::int64_t revision) {
  std::vector<proto::Event> events;
  const Status status = store.read_events(revision, [&](const proto::Event& event) { events.push_back(event); });
  CHECK(status.ok(), "{}", std::string(status.message()));
  return events;
}

inline std::vector<MetricPoint> points_of(Store& store, const std::string& sweep, int trial) {
  std::vector<MetricPoint> points;
  const Status status = store.read_points(sweep, trial, [&](const MetricPoint& point) { points.push_back(point); });
  CHECK(status.ok(), "{}", std::string(status.message()));
  return points;
}

// Results of one durable transaction; CHECKs that the store takes it.
inline std::vector<Status> commit_all(Store& store, std::vector<Commit> commits) {
  StatusOr<std::vector<Status>> results = store.commit(commits);
  CHECK(results.ok(), "{}", std::string(results.status().message()));
  CHECK(results->size() == commits.size());
  return *std::move(results);
}

inline Status commit_one(Store& store, Commit commit) {
  return commit_all(store, {std::move(commit)})[0];
}

inline std::unique_ptr<Store> open_store(const std::filesystem::path& file) {
  StatusOr<std::unique_ptr<Store>> store = open_sqlite_store(file);
  CHECK(store.ok(), "{}", std::string(store.status().message()));
  return *std::move(store);
}

}  // namespace lockstep
