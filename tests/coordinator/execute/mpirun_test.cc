// A real mpirun of two ranks that do nothing to die with it.
#include <csignal>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"
#include "tests/mpi/process.h"

namespace lockstep {
namespace {

class MpirunTest : public testing::Test {
 protected:
  MpirunTest() {
    const Outcome flags = run_process({LOCKSTEP_MPIRUN_FLAGS, "--unbound", "2"}, std::chrono::seconds(20));
    EXPECT_EQ(flags.exit_code, 0);
    job_.add_argv("mpirun");
    std::istringstream words(flags.output);
    for (std::string flag; words >> flag;) job_.add_argv(flag);
    for (const char* argument : {"-n", "2", "sleep"}) job_.add_argv(argument);
    job_.add_argv(length_);
  }

  std::vector<ProcessIdentity> ranks() const { return processes_running("sleep", length_); }
  void start() {
    executor_->ensure(scene_.key(), scene_.path(), job_);
    ASSERT_TRUE(eventually([this] { return ranks().size() == 2; })) << scene_.text_of("output.txt");
    EXPECT_GE(session_members(scene_.shim_pid()).size(), 4U);  // shim, mpirun, two ranks
  }

  // Of this process alone: it tells these from all other processes.
  const std::string length_ = "100." + std::to_string(getpid());
  proto::AttemptFile job_;
  AttemptScene scene_;
  EndLog log_;
  std::unique_ptr<Executor> executor_ = local_executor(log_);
};

TEST_F(MpirunTest, NothingIsLeftWhenTheShimIsKilled) {
  start();
  ::kill(scene_.shim_pid(), SIGKILL);
  ASSERT_EQ(log_.wait_for(1).size(), 1U);
  EXPECT_EQ(log_.ends()[0].end, proto::LOST);
  EXPECT_TRUE(ranks().empty());
  EXPECT_TRUE(session_members(scene_.shim_pid()).empty());
}

// The control of the one above: it is the executor that ends the ranks.
TEST_F(MpirunTest, RanksOutliveAShimThatNobodyWatches) {
  start();
  executor_.reset();
  ::kill(scene_.shim_pid(), SIGKILL);
  ASSERT_TRUE(eventually([this] { return session_members(scene_.shim_pid()).size() == 2; }));
  EXPECT_EQ(ranks().size(), 2U);
  executor_ = local_executor(log_);
  executor_->ensure(scene_.key(), scene_.path(), job_);
  ASSERT_EQ(log_.wait_for(1).size(), 1U);
  EXPECT_EQ(log_.ends()[0].end, proto::LOST);
  EXPECT_TRUE(ranks().empty());
}

TEST_F(MpirunTest, NothingIsLeftWhenItIsKilled) {
  start();
  executor_->kill(scene_.key(), proto::KILLED);
  ASSERT_EQ(log_.wait_for(1).size(), 1U);
  EXPECT_EQ(log_.ends()[0].end, proto::KILLED);
  EXPECT_TRUE(ranks().empty());
  EXPECT_TRUE(session_members(scene_.shim_pid()).empty());
}

// mpirun hands it to its ranks, which die of it here, and so does the job.
TEST_F(MpirunTest, TheWishToStopComesToTheRanks) {
  start();
  executor_->ask_to_stop(scene_.key());
  ASSERT_EQ(log_.wait_for(1).size(), 1U);
  EXPECT_EQ(log_.ends()[0].end, proto::EXITED);
  EXPECT_EQ(log_.ends()[0].exit_code, 128 + SIGUSR1) << log_.ends()[0].message;
  EXPECT_TRUE(ranks().empty());
}

}  // namespace
}  // namespace lockstep
