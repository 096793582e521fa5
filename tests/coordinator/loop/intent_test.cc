// A coordinator dies at the instant at which it has started a process: the log knows the process, and the next
// coordinator takes it up. The control is a coordinator whose store writes attempts down behind their start.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/loop/store_doubles.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

enum class Intent { kWrittenFirst, kWrittenLate };

// What it starts lives on: its token is a line of the file. After so many starts its process dies.
class DyingExecutor : public FakeExecutor {
 public:
  DyingExecutor(OnEnded on_ended, const std::filesystem::path& started, int starts)
      : FakeExecutor({0, 1, 2, 3}, std::move(on_ended)), started_(started), starts_(starts) {}
  void ensure(const AttemptKey&, const std::filesystem::path&, const proto::AttemptFile& attempt) override {
    started_ << attempt.token() << std::endl;
    if (--starts_ == 0) ::kill(getpid(), SIGKILL);
  }

 private:
  std::ofstream started_;
  int starts_;
};

int run_until_death(const std::filesystem::path& directory, Intent intent, int starts) {
  std::unique_ptr<Store> store = open_store(directory / "log.sqlite");
  if (intent == Intent::kWrittenLate) store = std::make_unique<LateStore>(std::move(store));
  const LoopScene scene = open_coordinator(directory, std::move(store), [&](OnEnded on_ended) {
    return std::make_unique<DyingExecutor>(std::move(on_ended), directory / "started", starts);
  });
  std::thread client([&] { submit(*scene.coordinator, sample_spec("limits { trials: 3 parallel: 3 }")); });
  CHECK(scene.coordinator->run().ok());
  client.join();
  return 0;
}

// Tokens of the processes that a coordinator leaves which dies at that start.
std::vector<std::string> left_alive(const std::filesystem::path& directory, Intent intent, int starts) {
  EXPECT_EQ(run_in_child("", [&] { return run_until_death(directory, intent, starts); }), -SIGKILL);
  std::ifstream file(directory / "started");
  return {std::istream_iterator<std::string>(file), std::istream_iterator<std::string>()};
}

int count_in_log(const std::filesystem::path& directory, const std::vector<std::string>& tokens) {
  int count = 0;
  const State state = state_in(directory / "log.sqlite");
  for (const Sweep& sweep : state.sweeps) {
    for (const Trial& trial : sweep.trials) {
      const Attempt* const attempt = trial.live_attempt();
      if (attempt != nullptr) count += static_cast<int>(std::count(tokens.begin(), tokens.end(), attempt->token));
    }
  }
  return count;
}

// How many of the processes the next coordinator takes for its trials' attempts.
int count_taken_up(const std::filesystem::path& directory, const std::vector<std::string>& tokens) {
  const LoopScene scene = open_coordinator(directory, open_store(directory / "log.sqlite"));
  scene.coordinator->stop();
  EXPECT_TRUE(scene.coordinator->run().ok());  // one round
  EXPECT_EQ(scene.executor->under_way().size(), 3U);
  int count = 0;
  for (const auto& [key, started] : scene.executor->under_way()) {
    count += static_cast<int>(std::count(tokens.begin(), tokens.end(), started.attempt.token()));
  }
  return count;
}

class IntentTest : public testing::TestWithParam<int> {
 protected:
  const TemporaryDirectory directory_;
};

TEST_P(IntentTest, WhatWasStartedIsInTheLogAndIsTakenUp) {
  const std::vector<std::string> tokens = left_alive(directory_.path(), Intent::kWrittenFirst, GetParam());
  ASSERT_EQ(static_cast<int>(tokens.size()), GetParam());
  EXPECT_EQ(count_in_log(directory_.path(), tokens), GetParam());
  EXPECT_EQ(count_taken_up(directory_.path(), tokens), GetParam());
}

using IntentControl = IntentTest;

TEST_P(IntentControl, WrittenLateNobodyKnowsWhatRuns) {
  const std::vector<std::string> tokens = left_alive(directory_.path(), Intent::kWrittenLate, GetParam());
  ASSERT_EQ(static_cast<int>(tokens.size()), GetParam());
  EXPECT_EQ(count_in_log(directory_.path(), tokens), 0);
  EXPECT_EQ(count_taken_up(directory_.path(), tokens), 0) << "three more are started beside them";
}

INSTANTIATE_TEST_SUITE_P(DiesAtStart, IntentTest, testing::Values(1, 2, 3));
INSTANTIATE_TEST_SUITE_P(DiesAtStart, IntentControl, testing::Values(1, 2, 3));

}  // namespace
}  // namespace lockstep
