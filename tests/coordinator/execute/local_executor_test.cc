#include "coordinator/execute/local_executor.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"

namespace lockstep {
namespace {

class LocalExecutorTest : public testing::Test {
 protected:
  // Ensures the job and returns its end.
  Ended end_of(const proto::AttemptFile& job) {
    executor_->ensure(scene_.key(), scene_.path(), job);
    return only_end();
  }
  Ended only_end() {
    const std::vector<Ended> ends = log_.wait_for(1);
    EXPECT_EQ(ends.size(), 1U);
    return ends.empty() ? Ended() : ends[0];
  }

  AttemptScene scene_;
  EndLog log_;
  std::unique_ptr<Executor> executor_ = local_executor(log_);
};

TEST_F(LocalExecutorTest, TellsTheExitCodeAndTheLastLines) {
  EXPECT_FALSE(executor_->was_started(scene_.path()));
  const Ended ended = end_of(scene_.job("echo one; echo two >&2; exit 3"));
  EXPECT_TRUE(executor_->was_started(scene_.path()));
  EXPECT_EQ(ended.key, scene_.key());
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.message, "one\ntwo");
  EXPECT_EQ(scene_.text_of("output.txt"), "one\ntwo\n");
  EXPECT_EQ(scene_.starts(), 1);
}

TEST_F(LocalExecutorTest, TellsTheSignal) {
  const Ended ended = end_of(scene_.job("kill -SEGV $$"));
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 128 + SIGSEGV);
}

TEST_F(LocalExecutorTest, HandsOnTheWishToStopOnce) {
  executor_->ensure(scene_.key(), scene_.path(),
                    scene_.job("trap 'echo asked; asked=$((asked + 1))' USR1; asked=0; echo > $D/ready\n"
                               "while [ ! -e $D/go ]; do sleep 0.01; done; exit $((70 + asked))"));
  ASSERT_TRUE(eventually([&] { return scene_.has("ready"); }));
  executor_->ask_to_stop(scene_.key());
  ASSERT_TRUE(eventually([&] { return scene_.text_of("output.txt") == "asked\n"; }));
  executor_->ask_to_stop(scene_.key());
  ::kill(scene_.shim_pid(), SIGUSR1);
  ::kill(scene_.shim_pid(), SIGTERM);
  ::kill(scene_.shim_pid(), SIGHUP);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::ofstream(scene_.path() / "go").flush();
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 71);
}

// One that comes before the job is there is not lost: the job, which does not handle it yet, dies of it.
TEST_F(LocalExecutorTest, AWishToStopMayComeEarly) {
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("sleep 100"));
  executor_->ask_to_stop(scene_.key());
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 128 + SIGUSR1);
}

TEST_F(LocalExecutorTest, KillsAllProcessesEvenStoppedOnesInOtherGroups) {
  // Ranks of mpirun lead groups of their own, too.
  executor_->ensure(scene_.key(), scene_.path(),
                    scene_.job("perl -e 'setpgrp(0, 0); exec \"sleep\", \"100\"' & sleep 100 & kill -STOP $!\n"
                               "(trap '' TERM USR1; sleep 100; sleep 100) & echo > $D/ready; kill -STOP $$"));
  ASSERT_TRUE(eventually([&] { return scene_.has("ready"); }));
  const pid_t shim = scene_.shim_pid();
  ASSERT_TRUE(eventually([&] { return session_members(shim).size() >= 5; }));
  EXPECT_TRUE(eventually([&] {
    const std::vector<ProcessIdentity> members = session_members(shim);
    return std::any_of(members.begin(), members.end(), [&](const auto& member) { return getpgid(member.pid) != shim; });
  }));
  ::kill(shim, SIGSTOP);
  executor_->kill(scene_.key(), proto::KILLED);
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::KILLED);
  EXPECT_EQ(ended.exit_code, -1);
  EXPECT_TRUE(ended.message.starts_with("it was killed")) << ended.message;
  EXPECT_TRUE(session_members(shim).empty());
  EXPECT_FALSE(process_facts(shim)) << "the shim was not reaped";
}

TEST_F(LocalExecutorTest, KilledAtOnceItNeverStarts) {
  {
    const ShimFault fault("shim.begin:1:sleep");
    executor_->ensure(scene_.key(), scene_.path(), scene_.job("true"));
    ASSERT_TRUE(eventually([&] { return !processes_running("lockstep-shim", scene_.path().native()).empty(); }));
  }
  executor_->kill(scene_.key(), proto::FENCED);
  EXPECT_EQ(only_end().end, proto::FENCED);
  EXPECT_TRUE(processes_running("lockstep-shim", scene_.path().native()).empty());
  // Nor is it started by a coordinator that has forgotten that end.
  EndLog second_log;
  const auto second = local_executor(second_log);
  second->ensure(scene_.key(), scene_.path(), scene_.job("true"));
  ASSERT_EQ(second_log.wait_for(1).size(), 1U);
  EXPECT_EQ(second_log.ends()[0].end, proto::LOST);
  EXPECT_EQ(scene_.starts(), 0);
}

TEST_F(LocalExecutorTest, AKillThatComesTooLateChangesNothing) {
  // The shim hangs behind its exit file.
  const ShimFault fault("shim.exit_written:1:sleep");
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 4"));
  ASSERT_TRUE(eventually([&] { return scene_.has("exit.pbtxt"); }));
  executor_->kill(scene_.key(), proto::KILLED);
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 4);
}

TEST_F(LocalExecutorTest, TheShimsDeathIsTheJobsDeath) {
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("sleep 100 & echo > $D/ready; wait"));
  ASSERT_TRUE(eventually([&] { return scene_.has("ready"); }));
  const pid_t shim = scene_.shim_pid();
  ::kill(shim, SIGKILL);
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::LOST);
  EXPECT_EQ(ended.message, "its shim was killed by signal 9 and left no exit code");
  EXPECT_TRUE(session_members(shim).empty());
  EXPECT_FALSE(process_facts(shim)) << "the shim was not reaped";
}

TEST_F(LocalExecutorTest, AShimThatCannotBeStartedSaysWhy) {
  executor_ = make_local_executor({.shim = "/nowhere/lockstep-shim", .on_ended = log_.listener(), .cores = {}});
  const Ended ended = end_of(scene_.job("true"));
  EXPECT_EQ(ended.end, proto::LOST);
  EXPECT_NE(ended.message.find("/nowhere/lockstep-shim"), std::string::npos) << ended.message;
  EXPECT_NE(ended.message.find("No such file"), std::string::npos) << ended.message;
}

TEST_F(LocalExecutorTest, AShimThatFailsBeforeItsClaimSaysWhyAndNoOtherCanStart) {
  {
    const ShimFault fault("shim.begin:1:fail");
    const Ended ended = end_of(scene_.job("true"));
    EXPECT_EQ(ended.end, proto::LOST);
    EXPECT_TRUE(ended.message.starts_with("its shim ended with code 74 and left no exit code\n")) << ended.message;
    EXPECT_NE(ended.message.find("fault point shim.begin"), std::string::npos) << ended.message;
  }
  EndLog second_log;
  const auto second = local_executor(second_log);
  second->ensure(scene_.key(), scene_.path(), scene_.job("true"));
  const std::vector<Ended> ends = second_log.wait_for(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, proto::LOST);
  EXPECT_EQ(scene_.starts(), 0);
}

TEST_F(LocalExecutorTest, AProgramThatIsMissingIsCode127) {
  proto::AttemptFile job;
  job.add_argv("/nowhere/mpirun");
  const Ended ended = end_of(job);
  EXPECT_EQ(ended.exit_code, 127);
  EXPECT_NE(ended.message.find("cannot execute \"/nowhere/mpirun\": No such file"), std::string::npos) << ended.message;
}

TEST_F(LocalExecutorTest, ADirectoryThatCannotBeMadeIsLost) {
  executor_->ensure(scene_.key(), "/proc/nowhere/attempt", scene_.job("true"));
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::LOST);
  EXPECT_NE(ended.message.find("cannot create directory"), std::string::npos) << ended.message;
}

// Nothing is known of an attempt whose files cannot be read: it is not given up, and not started a second time.
TEST_F(LocalExecutorTest, ADirectoryThatCannotBeReadIsLookedAtAgain) {
  const std::filesystem::path obstacle = scene_.path() / "obstacle";
  std::ofstream(obstacle).flush();
  executor_->ensure(scene_.key(), obstacle / "attempt", scene_.job("exit 4"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(log_.ends().empty());
  std::filesystem::remove(obstacle);
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 4);
}

TEST_F(LocalExecutorTest, ChildrenHoldNothingOfTheCoordinators) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);  // not close-on-exec: as a careless library would open it
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("ls -l /proc/self/fd /proc/$PPID/fd; sleep 100"));
  ASSERT_TRUE(eventually([&] { return scene_.text_of("output.txt").find("output.txt") != std::string::npos; }));
  const auto open_files = [](pid_t pid) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
      count += entry.is_symlink() ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(open_files(scene_.job_pid()), 3);
  EXPECT_EQ(open_files(scene_.shim_pid()), 3);
  ::close(ends[0]);
  ::close(ends[1]);
  executor_->kill(scene_.key(), proto::KILLED);
  EXPECT_EQ(only_end().end, proto::KILLED);
}

TEST_F(LocalExecutorTest, ItsCoresAreThoseOfTheProcess) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  const std::vector<int> cores = executor_->cores();
  EXPECT_EQ(cores.size(), static_cast<std::size_t>(CPU_COUNT(&set)));
  for (const int core : cores) EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(core), &set));
}

// How long an attempt takes of which the job does nothing: the loss between two attempts of a trial.
TEST_F(LocalExecutorTest, AnAttemptCostsLittle) {
  using Clock = std::chrono::steady_clock;
  constexpr int kAttempts = 30;
  proto::AttemptFile job;
  job.add_argv("/bin/true");
  std::vector<double> from_start_ms, from_exit_file_ms;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const AttemptDirectory directory(scene_.path() / std::to_string(attempt));
    const auto begin = Clock::now();
    executor_->ensure({"sweep", 0, attempt}, directory.path(), job);
    ASSERT_EQ(log_.wait_for(static_cast<std::size_t>(attempt)).size(), static_cast<std::size_t>(attempt));
    from_start_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    const auto written = std::filesystem::last_write_time(directory.path() / "exit.pbtxt");
    from_exit_file_ms.push_back(
        std::chrono::duration<double, std::milli>(std::filesystem::file_time_type::clock::now() - written).count());
  }
  std::sort(from_start_ms.begin(), from_start_ms.end());
  std::sort(from_exit_file_ms.begin(), from_exit_file_ms.end());
  fmt::print(
      "ensure() to on_ended(): median {:.1f} ms, least {:.1f}; from the exit file on: median {:.1f}, least {:.1f}\n",
      from_start_ms[kAttempts / 2], from_start_ms[0], from_exit_file_ms[kAttempts / 2], from_exit_file_ms[0]);
  EXPECT_LT(from_start_ms[kAttempts / 2], 500);
  EXPECT_LT(from_exit_file_ms[0], 50);
}

}  // namespace
}  // namespace lockstep
