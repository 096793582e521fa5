// A trial whose files cannot be written ends the loop; it does not fail.
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

// What the loop ends with when a sweep is submitted and it is asked to stop behind that.
Status submit_and_stop(const std::filesystem::path& directory) {
  const LoopScene scene = open_coordinator(directory, open_store(directory / "log.sqlite"));
  std::thread client([&] {
    EXPECT_TRUE(submit(*scene.coordinator, sample_spec("limits { trials: 1 }")));
    scene.coordinator->stop();
  });
  const Status status = scene.coordinator->run();
  client.join();
  return status;
}

TEST(JobFile, ThatCannotBeWrittenEndsTheLoopAndCostsNoAttempt) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "sweeps") << "a file, where trials are to have their directories";
  const Status status = submit_and_stop(directory.path());
  EXPECT_EQ(exit_code(status), 74) << status;
  EXPECT_NE(status.message().find("cannot create directory"), std::string::npos) << status;
  const State state = state_in(directory / "log.sqlite");
  const Trial& trial = state.sweeps[0].trials[0];
  ASSERT_EQ(trial.attempts.size(), 1U);
  EXPECT_FALSE(trial.attempts[0].ended);

  // And the next coordinator goes on with the same attempt.
  std::filesystem::remove(directory / "sweeps");
  const LoopScene next = open_coordinator(directory.path(), open_store(directory / "log.sqlite"));
  next.coordinator->stop();
  EXPECT_TRUE(next.coordinator->run().ok());
  ASSERT_EQ(next.executor->under_way().size(), 1U);
  EXPECT_EQ(next.executor->under_way().begin()->second.attempt.token(), trial.attempts[0].token);
}

TEST(JobFileControl, ThatCanBeWrittenEndsNothing) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(submit_and_stop(directory.path()).ok());
}

}  // namespace
}  // namespace lockstep
