// A second executor takes over what a first one has left: the coordinator was started again.
#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"

namespace lockstep {
namespace {

class AdoptionTest : public testing::Test {
 protected:
  // By a new executor, with a job that must not be started if there is a claim.
  Ended adopt() {
    executor_ = local_executor(log_);
    executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 9"));
    return only_end();
  }
  Ended only_end() {
    const std::vector<Ended> ends = log_.wait_for(1);
    EXPECT_EQ(ends.size(), 1U);
    return ends.empty() ? Ended() : ends[0];
  }
  void claim(const ProcessIdentity& shim, const std::string& boot) {
    proto::ClaimFile claim;
    claim.set_pid(shim.pid);
    claim.set_start_ticks(shim.start_ticks);
    claim.set_boot(boot);
    ASSERT_TRUE(scene_.directory().make_claim(claim).ok());
  }

  AttemptScene scene_;
  EndLog first_log_;
  EndLog log_;
  std::unique_ptr<Executor> executor_;
};

// A process that leads a session, as a shim does, but is none.
class Bystander {
 public:
  Bystander() : pid_(fork()) {
    if (pid_ == 0) {
      setsid();
      execl("/bin/sleep", "sleep", "100", nullptr);
      _exit(127);
    }
    EXPECT_TRUE(eventually([this] { return process_facts(pid_)->session == pid_; }));
  }
  ~Bystander() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  ProcessIdentity identity() const { return process_facts(pid_)->identity; }

 private:
  const pid_t pid_;
};

TEST_F(AdoptionTest, ARunningAttemptIsLeftAndTakenOver) {
  auto first = local_executor(first_log_);
  first->ensure(scene_.key(), scene_.path(), scene_.job("while [ ! -e $D/go ]; do sleep 0.01; done; exit 6"));
  const pid_t job = scene_.job_pid();
  first.reset();
  EXPECT_TRUE(lives(job));
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 9"));
  std::ofstream(scene_.path() / "go").flush();
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_EQ(scene_.starts(), 1);
  EXPECT_TRUE(first_log_.ends().empty());
}

TEST_F(AdoptionTest, TheNewOneMayStopOrKill) {
  auto first = local_executor(first_log_);
  first->ensure(scene_.key(), scene_.path(),
                scene_.job("trap 'echo > $D/asked' USR1; echo > $D/ready; while true; do sleep 0.01; done"));
  ASSERT_TRUE(eventually([&] { return scene_.has("ready"); }));
  first.reset();
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 9"));
  executor_->ask_to_stop(scene_.key());
  EXPECT_TRUE(eventually([&] { return scene_.has("asked"); }));
  executor_->kill(scene_.key(), proto::KILLED);
  EXPECT_EQ(only_end().end, proto::KILLED);
  EXPECT_TRUE(session_members(scene_.shim_pid()).empty());
}

TEST_F(AdoptionTest, AnAttemptThatEndedMeanwhileHasItsCode) {
  auto first = local_executor(first_log_);
  first->ensure(scene_.key(), scene_.path(), scene_.job("sleep 0.1; exit 6"));
  scene_.shim_pid();
  first.reset();
  ASSERT_TRUE(eventually([&] { return scene_.has("exit.pbtxt"); }));
  const Ended ended = adopt();
  EXPECT_EQ(ended.end, proto::EXITED);
  EXPECT_EQ(ended.exit_code, 6);
  ASSERT_TRUE(ended.seconds.has_value());
  EXPECT_EQ(*ended.seconds, scene_.directory().exit()->seconds()) << "it is not charged for the time until now";
  EXPECT_GE(*ended.seconds, 0.1);
  EXPECT_EQ(scene_.starts(), 1);
}

// Of a log that is gone: what it left in the directory is no result of this one.
TEST_F(AdoptionTest, AnAttemptOfAnotherLogIsNotTakenForThisOne) {
  auto first = local_executor(first_log_);
  first->ensure(scene_.key(), scene_.path(), scene_.job("exit 0"));
  ASSERT_EQ(first_log_.wait_for(1).size(), 1U);
  first.reset();
  proto::AttemptFile other = scene_.job("exit 0");
  other.set_token("another");
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), other);
  const Ended ended = only_end();
  EXPECT_EQ(ended.end, proto::LOST);
  EXPECT_NE(ended.message.find("that of another attempt"), std::string::npos) << ended.message;
  EXPECT_EQ(scene_.starts(), 1);
  EXPECT_EQ(scene_.directory().attempt()->token(), "secret") << "it is left as it was";
}

// The shim was killed while no executor was there; its grandchild lives on.
TEST_F(AdoptionTest, WhatADeadShimLeftIsKilled) {
  auto first = local_executor(first_log_);
  first->ensure(scene_.key(), scene_.path(), scene_.job("sleep 100 & echo > $D/ready; wait"));
  ASSERT_TRUE(eventually([&] { return scene_.has("ready"); }));
  first.reset();
  const pid_t shim = scene_.shim_pid();
  ::kill(shim, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !lives(shim) && !lives(scene_.job_pid()); }));
  EXPECT_EQ(session_members(shim).size(), 1U);  // without an executor it stays
  const Ended ended = adopt();
  EXPECT_EQ(ended.end, proto::LOST);
  EXPECT_EQ(ended.message, "its shim is gone and left no exit code");
  EXPECT_TRUE(session_members(shim).empty());
  EXPECT_EQ(scene_.starts(), 1);
}

// Nobody saw when it was lost: as far as is known it ran until it wrote for the last time. One that is killed ran till
// then.
TEST_F(AdoptionTest, OneWithoutAnExitFileIsChargedForWhatIsKnown) {
  using std::filesystem::last_write_time;
  const auto begin = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  for (const bool lost : {true, false}) {
    const AttemptScene scene;
    EndLog log;
    const auto executor = local_executor(log);
    executor->ensure(scene.key(), scene.path(), scene.job("echo > $D/ready; while true; do sleep 100; done"));
    ASSERT_TRUE(eventually([&] { return scene.has("ready"); }));
    last_write_time(scene.path() / "claim.pbtxt", begin);
    last_write_time(scene.path() / "output.txt", begin + std::chrono::minutes(1));
    if (lost) {
      ::kill(scene.shim_pid(), SIGKILL);
    } else {
      executor->kill(scene.key(), proto::KILLED);
    }
    const std::vector<Ended> ends = log.wait_for(1);
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].end, lost ? proto::LOST : proto::KILLED);
    ASSERT_TRUE(ends[0].seconds.has_value()) << lost;
    if (lost) {
      EXPECT_EQ(*ends[0].seconds, 60);
    } else {
      EXPECT_GE(*ends[0].seconds, 3600);
    }
  }
}

// A shim that has not come to its claim: another would do no harm, but the one that is there is waited for.
TEST_F(AdoptionTest, AShimWithoutAClaimIsTakenOver) {
  {
    const ShimFault fault("shim.begin:1:sleep");
    auto first = local_executor(first_log_);
    first->ensure(scene_.key(), scene_.path(), scene_.job("exit 6"));
  }
  const auto shims = [&] { return processes_running("lockstep-shim", scene_.path().native()); };
  ASSERT_TRUE(eventually([&] { return shims().size() == 1; }));
  const ProcessIdentity shim = shims()[0];
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 6"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // in which a second shim would have done its work
  EXPECT_EQ(shims().size(), 1U);
  EXPECT_TRUE(log_.ends().empty());
  executor_->kill(scene_.key(), proto::KILLED);
  EXPECT_EQ(only_end().end, proto::KILLED);
  EXPECT_FALSE(lives(shim.pid));
  EXPECT_TRUE(shims().empty());
  EXPECT_EQ(scene_.starts(), 0);
}

TEST_F(AdoptionTest, ANumberThatIsUsedAgainIsAnotherProcess) {
  const Bystander bystander;
  const ProcessIdentity identity = bystander.identity();
  claim({identity.pid, identity.start_ticks - 1}, boot_id());
  EXPECT_EQ(adopt().end, proto::LOST);
  EXPECT_TRUE(lives(identity.pid));
  EXPECT_EQ(scene_.starts(), 0);
}

TEST_F(AdoptionTest, AClaimOfAnotherBootIsNobodys) {
  const Bystander bystander;
  claim(bystander.identity(), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(adopt().end, proto::LOST);
  EXPECT_TRUE(lives(bystander.identity().pid));
}

// The control of the two above: with the right claim it is taken for the shim, waited for and killed.
TEST_F(AdoptionTest, AClaimThatFitsIsBelieved) {
  const Bystander bystander;
  const ProcessIdentity identity = bystander.identity();
  claim(identity, boot_id());
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), scene_.job("exit 9"));
  executor_->kill(scene_.key(), proto::KILLED);
  EXPECT_EQ(only_end().end, proto::KILLED);
  EXPECT_FALSE(lives(identity.pid));
}

TEST_F(AdoptionTest, ATornClaimIsLost) {
  for (const std::string_view text : {"", "pid: 12 start", "pid: \x01\x02"}) {
    AttemptScene scene;
    EndLog log;
    std::ofstream(scene.path() / "claim.pbtxt") << text;
    const auto executor = local_executor(log);
    executor->ensure(scene.key(), scene.path(), scene.job("exit 9"));
    const std::vector<Ended> ends = log.wait_for(1);
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].end, proto::LOST) << text;
    EXPECT_EQ(scene.starts(), 0);
  }
}

}  // namespace
}  // namespace lockstep
