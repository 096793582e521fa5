// kill -9 of the coordinator and of the shim at every fault point, then another coordinator: the job is started at most
// once, and the attempt has exactly one end.
#include <fstream>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tests/coordinator/execute/attempt_scene.h"
#include "tests/mpi/process.h"

namespace lockstep {
namespace {

struct CrashCase {
  const char* fault;
  proto::AttemptEnd end;
  int least_starts;
  int most_starts;
};

void PrintTo(const CrashCase& crash, std::ostream* out) {
  *out << crash.fault;
}

// Runs a coordinator of its own process, with the fault, and returns what it printed.
Outcome first_coordinator(const AttemptScene& scene, const proto::AttemptFile& job, const std::string& fault) {
  std::string text;
  EXPECT_TRUE(google::protobuf::TextFormat::PrintToString(job, &text));
  std::ofstream(scene.path() / "wanted.pbtxt") << text;
  return run_process({"env", "LOCKSTEP_FAULT=" + fault, LOCKSTEP_EXECUTOR_PROGRAM, LOCKSTEP_SHIM, scene.path()},
                     std::chrono::seconds(20));
}

class CrashTest : public testing::TestWithParam<CrashCase> {};

TEST_P(CrashTest, TheNextCoordinatorBringsItToOneEnd) {
  AttemptScene scene;
  const proto::AttemptFile job = scene.job("sleep 0.1; exit 6");
  const Outcome outcome = first_coordinator(scene, job, GetParam().fault);
  EXPECT_EQ(outcome.exit_code, 137) << outcome.output;
  EXPECT_EQ(outcome.output, "");
  EndLog log;
  auto executor = local_executor(log);
  executor->ensure(scene.key(), scene.path(), job);
  ASSERT_EQ(log.wait_for(1).size(), 1U);
  EXPECT_EQ(log.ends()[0].end, GetParam().end) << log.ends()[0].message;
  EXPECT_EQ(log.ends()[0].exit_code, GetParam().end == proto::EXITED ? 6 : -1);
  EXPECT_GE(scene.starts(), GetParam().least_starts);
  EXPECT_LE(scene.starts(), GetParam().most_starts);
  EXPECT_TRUE(processes_running("lockstep-shim", scene.path().native()).empty());
  executor.reset();

  // And so does any later one, with the same end.
  EndLog third_log;
  executor = local_executor(third_log);
  executor->ensure(scene.key(), scene.path(), job);
  ASSERT_EQ(third_log.wait_for(1).size(), 1U);
  EXPECT_EQ(third_log.ends()[0].end, GetParam().end);
  EXPECT_EQ(log.ends().size(), 1U);
  EXPECT_LE(scene.starts(), GetParam().most_starts);
}

INSTANTIATE_TEST_SUITE_P(Coordinator, CrashTest,
                         testing::Values(CrashCase{"serve.start:1:kill", proto::EXITED, 1, 1},
                                         CrashCase{"serve.started:1:kill", proto::EXITED, 1, 1},
                                         CrashCase{"file.write:1:kill", proto::EXITED, 1, 1},  // of attempt.pbtxt
                                         CrashCase{"file.rename:1:kill", proto::EXITED, 1,
                                                   1}));  // and of the claim, in the shim

INSTANTIATE_TEST_SUITE_P(CoordinatorAndShim, CrashTest,
                         testing::Values(CrashCase{"serve.started:1:kill,shim.begin:1:kill", proto::EXITED, 1, 1},
                                         CrashCase{"serve.started:1:kill,shim.claimed:1:kill", proto::LOST, 0, 0},
                                         CrashCase{"serve.started:1:kill,shim.started:1:kill", proto::LOST, 0, 1},
                                         CrashCase{"serve.started:1:kill,shim.ended:1:kill", proto::LOST, 1, 1},
                                         CrashCase{"serve.started:1:kill,shim.exit_written:1:kill", proto::EXITED, 1,
                                                   1}));

struct ShimCase {
  const char* fault;
  proto::AttemptEnd end;
  int most_starts;
};

void PrintTo(const ShimCase& crash, std::ostream* out) {
  *out << crash.fault;
}

class ShimCrashTest : public testing::TestWithParam<ShimCase> {};

TEST_P(ShimCrashTest, IsNoticedByTheCoordinatorThatLives) {
  AttemptScene scene;
  EndLog log;
  const ShimFault fault(GetParam().fault);
  const auto executor = local_executor(log);
  executor->ensure(scene.key(), scene.path(), scene.job("exit 6"));
  const std::vector<Ended> ends = log.wait_for(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, GetParam().end) << ends[0].message;
  EXPECT_LE(scene.starts(), GetParam().most_starts);
}

INSTANTIATE_TEST_SUITE_P(Shim, ShimCrashTest,
                         testing::Values(ShimCase{"shim.begin:1:kill", proto::LOST, 0},
                                         ShimCase{"shim.claimed:1:kill", proto::LOST, 0},
                                         ShimCase{"shim.claimed:1:fail", proto::LOST, 0},
                                         ShimCase{"shim.started:1:kill", proto::LOST, 1},
                                         ShimCase{"shim.ended:1:kill", proto::LOST, 1},
                                         ShimCase{"file.write:2:kill", proto::LOST, 1},  // of exit.pbtxt
                                         ShimCase{"shim.exit_written:1:kill", proto::EXITED, 1}));

}  // namespace
}  // namespace lockstep
