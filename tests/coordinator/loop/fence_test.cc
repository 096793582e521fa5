// An attempt that was given up comes back, as after SIGSTOP and SIGCONT, and reports: its result is not the trial's.
// Two protections stand there, the core's question who reports and the fence of the store. Either suffices; without
// both the stale result is in the log: the control.
#include <thread>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/loop/store_doubles.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

constexpr double kStale = 0.99;
constexpr double kGood = 0.5;
constexpr double kNone = -1;

struct Protections {
  const char* name;
  bool core;
  bool store;
  double in_log;  // the accuracy of the trial's first epoch
  int exit_code;
};

void PrintTo(const Protections& protections, std::ostream* out) {
  *out << protections.name;
}

proto::AttemptId live_attempt(Coordinator& coordinator) {
  proto::AttemptId id;
  on_loop(coordinator, [&](Coordinator::Desk& desk) {
    const Attempt* const attempt = desk.state.sweeps[0].trials[0].live_attempt();
    id.set_sweep("s1");
    id.set_trial(0);
    id.set_attempt(attempt == nullptr ? 0 : attempt->number);
    id.set_token(attempt == nullptr ? "" : attempt->token);
    return OkStatus();
  });
  return id;
}

// As the service does, with or without asking the core whether this is the attempt that runs.
void report_first_epoch(Coordinator& coordinator, const proto::AttemptId& id, double accuracy, bool ask_core) {
  on_loop(coordinator, [&](Coordinator::Desk& desk) -> Status {
    if (ask_core) RETURN_IF_ERROR(reporting_trial(desk.state, id).status());
    if (desk.state.sweeps[0].trials[0].evaluations.empty()) {
      desk.commit.events.push_back(evaluated("s1", 0, 1, accuracy));
    }
    desk.commit.fence = ReportFence{.sweep = "s1", .trial = 0, .attempt = id.attempt(), .token = id.token(), .seq = 1};
    return OkStatus();
  });
}

// Attempt 1 is given up, 2 runs; 1 reports, then 2.
int comes_back(const std::filesystem::path& directory, const Protections& protections) {
  std::unique_ptr<Store> store = open_store(directory / "log.sqlite");
  if (!protections.store) store = std::make_unique<UnfencedStore>(std::move(store));
  const LoopScene scene = open_coordinator(directory, std::move(store));
  Coordinator& coordinator = *scene.coordinator;
  std::thread loop([&] { CHECK(coordinator.run().ok()); });
  CHECK(submit(coordinator, sample_spec("limits { trials: 1 } retries { backoff_seconds: 0 }")));
  const proto::AttemptId first = live_attempt(coordinator);
  CHECK(first.attempt() == 1);
  on_loop(coordinator, [&](Coordinator::Desk&) {
    scene.executor->kill({"s1", 0, 1}, proto::FENCED);
    CHECK(scene.executor->deliver() == 1);
    return OkStatus();
  });
  proto::AttemptId second;
  for (int i = 0; i < 1000 && second.attempt() != 2; ++i) second = live_attempt(coordinator);
  CHECK(second.attempt() == 2);
  report_first_epoch(coordinator, first, kStale, protections.core);
  report_first_epoch(coordinator, second, kGood, protections.core);
  coordinator.stop();
  loop.join();
  return 0;
}

class FenceTest : public testing::TestWithParam<Protections> {};

TEST_P(FenceTest, AnAttemptComesBack) {
  const TemporaryDirectory directory;
  EXPECT_EQ(run_in_child("", [&] { return comes_back(directory.path(), GetParam()); }), GetParam().exit_code);
  const State state = state_in(directory / "log.sqlite");
  const std::vector<proto::Evaluated>& evaluations = state.sweeps[0].trials[0].evaluations;
  EXPECT_EQ(evaluations.empty() ? kNone : evaluations[0].accuracy(), GetParam().in_log);
}

// A store that refuses what the core has let through is a bug, which ends the process.
INSTANTIATE_TEST_SUITE_P(Protections, FenceTest,
                         testing::Values(Protections{"CoreAndStore", true, true, kGood, 0},
                                         Protections{"CoreAlone", true, false, kGood, 0},
                                         Protections{"StoreAlone", false, true, kNone, -SIGABRT},
                                         Protections{"NoneTheControl", false, false, kStale, 0}),
                         [](const auto& protections) { return protections.param.name; });

}  // namespace
}  // namespace lockstep
