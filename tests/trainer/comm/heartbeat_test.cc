#include "trainer/comm/heartbeat.h"

#include <csignal>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mpi/process.h"
#include "trainer/comm/hang_report.h"
#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

using std::chrono::seconds;

TEST(HangReportTest, NamesTheRankBehind) {
  const RankNote notes[] = {{Phase::kReduction, 12, 10.0}, {Phase::kForwardBackward, 12, 10.2}};
  EXPECT_EQ(
      hang_report(0, 0, 2, notes),
      "rank 0: no progress for 10.0 s (reduction, step 12); behind: rank 1 (forward and backward, step 12, silent "
      "for 10.2 s)");
}

TEST(HangReportTest, NamesItself) {
  const RankNote notes[] = {{Phase::kReduction, 12, 9.8}, {Phase::kData, 12, 10.0}};
  EXPECT_EQ(hang_report(1, 0, 2, notes), "rank 1: no progress for 10.0 s (data, step 12); this rank itself hangs");
}

// Ranks that wait in the reduction are not named; one that left it and is silent is.
TEST(HangReportTest, TellsWaitingFromHanging) {
  const RankNote notes[] = {{Phase::kReduction, 3, 10.0},
                            {Phase::kReduction, 3, 9.0},
                            {Phase::kUpdate, 3, 9.0},
                            {Phase::kUpdate, 3, 0.1},
                            {Phase::kReduction, 2, 0.1}};
  EXPECT_EQ(
      hang_report(0, 0, 5, notes),
      "rank 0: no progress for 10.0 s (reduction, step 3); behind: rank 2 (update, step 3, silent for 9.0 s), rank "
      "4 (reduction, step 2, silent for 0.1 s)");
}

// A process that is stopped while it waits in the reduction like the others does not run its watchdog either.
TEST(HangReportTest, NamesTheRankThatIsStoppedWhileItWaits) {
  const RankNote notes[] = {{Phase::kReduction, 3, 10.0, 0.5}, {Phase::kReduction, 3, 10.0, 9.9}};
  EXPECT_EQ(hang_report(0, 0, 2, notes),
            "rank 0: no progress for 10.0 s (reduction, step 3); behind: rank 1 (reduction, step 3, silent for 10.0 s, "
            "its process is stopped)");
}

TEST(HangReportTest, TellsWaitingFromHangingInAnEvaluation) {
  const RankNote notes[] = {{Phase::kAgreement, 12, 10.0, 0.5}, {Phase::kEvaluation, 12, 9.9, 0.5}};
  EXPECT_EQ(
      hang_report(0, 0, 2, notes),
      "rank 0: no progress for 10.0 s (agreement, step 12); behind: rank 1 (evaluation, step 12, silent for 9.9 s)");
}

TEST(HangReportTest, SaysWhatItCannotSee) {
  const RankNote notes[] = {{Phase::kReduction, 3, 10.0}, {Phase::kReduction, 3, 10.0}};
  const std::string start = "rank 2: no progress for 10.0 s (reduction, step 3); ";
  EXPECT_EQ(hang_report(2, 2, 8, notes), start + "ranks 0-1 and ranks 4-7, on other hosts, not visible from this host");
  EXPECT_EQ(hang_report(2, 2, 5, notes), start + "ranks 0-1 and rank 4, on other hosts, not visible from this host");
}

// Rank 1 of two sleeps in step 1 for two seconds, while the time-out is half a second (or none).
void sleep_on_rank_1(double timeout_seconds) {
  run_in_threads(2, [timeout_seconds](Communicator& communicator) {
    Heartbeat heartbeat(communicator, timeout_seconds);
    for (int step = 0; step < 3; ++step) {
      heartbeat.note(Phase::kForwardBackward, step);
      if (step == 1 && communicator.rank() == 1) sleep(2);
      heartbeat.note(Phase::kReduction, step);
      communicator.barrier();
    }
  });
}

TEST(HeartbeatDeathTest, EndsTheProcessThatHangs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(sleep_on_rank_1(0.5), testing::ExitedWithCode(86),
              "rank 0: no progress for .* \\(reduction, step 1\\); behind: rank 1 \\(forward and backward, step 1|"
              "rank 1: no progress for .* \\(forward and backward, step 1\\); this rank itself hangs");
}

// Negative controls: no time-out, and one that is longer than the sleep.
TEST(HeartbeatTest, LetsASlowRankGoOn) {
  sleep_on_rank_1(0);
  sleep_on_rank_1(20);
}

// Many short steps take longer than the time-out, but each is progress.
TEST(HeartbeatTest, ProgressIsNotAHang) {
  const auto communicator = make_solo_communicator();
  Heartbeat heartbeat(*communicator, 0.5);
  for (int step = 0; step < 20; ++step) {
    heartbeat.note(Phase::kData, step);
    usleep(50'000);
  }
}

// One long step, with signs of work going on.
TEST(HeartbeatTest, ABeatIsProgress) {
  const auto communicator = make_solo_communicator();
  Heartbeat heartbeat(*communicator, 0.5);
  heartbeat.note(Phase::kForwardBackward, 0);
  for (int i = 0; i < 20; ++i) {
    usleep(50'000);
    heartbeat.beat();
  }
}

TEST(HeartbeatTest, AfterTheEndNothingIsExpected) {
  const auto communicator = make_solo_communicator();
  Heartbeat heartbeat(*communicator, 0.2);
  heartbeat.note(Phase::kEnd, 1);
  sleep(1);
}

Outcome run_hang_program(const std::string& timeout_seconds, const std::string& kind, seconds limit) {
  const std::string command = fmt::format("exec mpirun $({} --unbound 3) -n 3 {} {} {} 1", LOCKSTEP_MPIRUN_FLAGS,
                                          LOCKSTEP_HANG_PROGRAM, timeout_seconds, kind);
  return run_process({"sh", "-c", command}, limit);
}

TEST(MpiHeartbeatTest, SleepingRankIsNamed) {
  const Outcome outcome = run_hang_program("1", "sleep", seconds(60));
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.exit_code, 86) << outcome.output;
  const bool by_itself = outcome.output.find("rank 1: no progress") != std::string::npos;
  const bool by_others = outcome.output.find("behind: rank 1 (forward and backward, step 2") != std::string::npos;
  EXPECT_TRUE(by_itself || by_others) << outcome.output;
}

// A stopped rank cannot speak for itself.
TEST(MpiHeartbeatTest, StoppedRankIsNamedByTheOthers) {
  const Outcome outcome = run_hang_program("1", "stop", seconds(60));
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.exit_code, 86) << outcome.output;
  EXPECT_NE(outcome.output.find("behind: rank 1 (forward and backward, step 2"), std::string::npos) << outcome.output;
}

TEST(MpiHeartbeatTest, HealthyJobEnds) {
  const Outcome outcome = run_hang_program("20", "none", seconds(60));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("done"), std::string::npos) << outcome.output;
}

// Negative control: without the watchdog the job hangs.
TEST(MpiHeartbeatTest, WithoutTimeoutItHangs) {
  const Outcome outcome = run_hang_program("0", "sleep", seconds(8));
  EXPECT_TRUE(outcome.timed_out) << outcome.output;
  EXPECT_NE(outcome.exit_code, 86);
}

// Starts a parent that starts a child and dies; returns the child's id. The child becomes this process's own, for which
// it can then wait.
pid_t orphan(bool dies_with_parent) {
  EXPECT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t child = fork();
    if (child == 0) {
      if (dies_with_parent) die_with_parent();
      const pid_t own = getpid();
      if (write(ends[1], &own, sizeof own) != sizeof own) _exit(1);
      while (true) pause();
    }
    pid_t ready = 0;
    _exit(read(ends[0], &ready, sizeof ready) == sizeof ready && write(ends[1], &ready, sizeof ready) > 0 ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_EQ(status, 0);
  pid_t child = 0;
  EXPECT_EQ(read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  close(ends[0]);
  close(ends[1]);
  return child;
}

TEST(DieWithParentTest, ChildIsKilled) {
  const pid_t child = orphan(true);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

// Negative control.
TEST(DieWithParentTest, WithoutItTheChildLives) {
  const pid_t child = orphan(false);
  usleep(500'000);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, &status, 0), child);
}

}  // namespace
}  // namespace lockstep
