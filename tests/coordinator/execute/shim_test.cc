// The shim by itself, as any starter would run it.
#include "coordinator/execute/shim.h"

#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"
#include "tests/mpi/process.h"

namespace lockstep {
namespace {

int run_shim_on(const AttemptScene& scene) {
  return run_process({LOCKSTEP_SHIM, scene.path()}, std::chrono::seconds(20)).exit_code;
}

int first_core() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  int core = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(core), &set)) ++core;
  return core;
}

TEST(ShimTest, OfManyOneStartsTheJob) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(scene.job("sleep 0.1; exit 5")).ok());
  std::vector<std::thread> shims;
  for (int i = 0; i < 8; ++i) shims.emplace_back([&] { EXPECT_EQ(run_shim_on(scene), 0); });
  for (std::thread& shim : shims) shim.join();
  EXPECT_EQ(scene.starts(), 1);
  EXPECT_EQ(scene.directory().exit()->exit_code(), 5);
}

// The control of the one above.
TEST(ShimTest, WithoutTheClaimItStartsTwice) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(scene.job("exit 5")).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.starts(), 1);
  std::filesystem::remove(scene.path() / "claim.pbtxt");
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.starts(), 2);
}

TEST(ShimTest, LeadsTheSessionThatItClaims) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(scene.job("ps -o sid= -p $$ > $D/session; sleep 0.05")).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(std::stol(scene.text_of("session")), scene.directory().claim()->pid());
  EXPECT_EQ(scene.directory().claim()->boot(), boot_id());
  EXPECT_GE(scene.directory().exit()->seconds(), 0.05);
}

TEST(ShimTest, GivesTheJobItsCores) {
  AttemptScene scene;
  proto::AttemptFile job = scene.job("grep Cpus_allowed_list /proc/self/status");
  job.add_core(first_core());
  ASSERT_TRUE(scene.directory().write_attempt(job).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.text_of("output.txt"), fmt::format("Cpus_allowed_list:\t{}\n", first_core()));
}

TEST(ShimTest, ACoreThatIsNotThereIsOfTheMachine) {
  for (const int core : {1000, -1, 1 << 20}) {
    AttemptScene scene;
    proto::AttemptFile job = scene.job("true");
    job.add_core(first_core());
    job.add_core(core);
    ASSERT_TRUE(scene.directory().write_attempt(job).ok());
    EXPECT_EQ(run_shim_on(scene), 0);
    EXPECT_EQ(scene.directory().exit()->exit_code(), 69);
    EXPECT_NE(scene.text_of("output.txt").find(fmt::format("core {}", core)), std::string::npos);
    EXPECT_EQ(scene.starts(), 0);
  }
}

TEST(ShimTest, PassesOnlyWhatAJobNeeds) {
  AttemptScene scene;
  proto::AttemptFile job;
  job.add_argv("env");  // found on the path
  ASSERT_TRUE(scene.directory().write_attempt(job).ok());
  const Outcome outcome = run_process({"env", "-i", "PATH=/nowhere:/usr/bin:/bin", "HOME=/h", "USER=u", "LANG=C",
                                       "TMPDIR=/tmp", fmt::format("LD_LIBRARY_PATH=/l"), "OMPI_COMM_WORLD_SIZE=2",
                                       "PMIX_RANK=1", "SECRET=s", LOCKSTEP_SHIM, scene.path()},
                                      std::chrono::seconds(20));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(scene.text_of("output.txt"),
            "PATH=/nowhere:/usr/bin:/bin\nHOME=/h\nUSER=u\nLANG=C\nTMPDIR=/tmp\nLD_LIBRARY_PATH=/l\n");
}

TEST(ShimTest, StartsNoShellForWhatIsNoProgram) {
  AttemptScene scene;
  {
    std::ofstream script(scene.path() / "script");
    script << "echo > " << scene.path().native() << "/was_run\n";
  }
  std::filesystem::permissions(scene.path() / "script", std::filesystem::perms::all);
  proto::AttemptFile job;
  job.add_argv(scene.path() / "script");
  ASSERT_TRUE(scene.directory().write_attempt(job).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.directory().exit()->exit_code(), 127);
  EXPECT_FALSE(scene.has("was_run"));
}

TEST(ShimTest, NoArgumentsIsCode127) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(proto::AttemptFile()).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.directory().exit()->exit_code(), 127);
}

// Ignored signals would go on into mpirun; a job started here handles them as usual, and has no input.
TEST(ShimTest, TheJobHasUsualSignalsAndNoInput) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(scene.job("cat; grep -E 'Sig(Blk|Ign)' /proc/self/status")).ok());
  const Outcome outcome = run_process(
      {"sh", "-c", fmt::format("trap '' USR1 TERM INT HUP PIPE; exec {} {}", LOCKSTEP_SHIM, scene.path().native())},
      std::chrono::seconds(20));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(scene.text_of("output.txt"), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(ShimTest, KillsWhatTheJobLeaves) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory().write_attempt(scene.job("sleep 100 & sleep 100 & exit 0")).ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_TRUE(session_members(scene.shim_pid()).empty());
  EXPECT_EQ(scene.directory().exit()->exit_code(), 0);
}

// An orphan becomes a child of the shim, which takes it out of the process table when it has ended.
TEST(ShimTest, AdoptsOrphans) {
  AttemptScene scene;
  ASSERT_TRUE(scene.directory()
                  .write_attempt(scene.job("sh -c 'sleep 100 & echo $! > $0/orphan' $D\n"
                                           "ps -o stat= --ppid $PPID | wc -l > $D/children\n"
                                           "kill -9 $(cat $D/orphan)\n"
                                           "while [ -e /proc/$(cat $D/orphan) ]; do sleep 0.01; done"))
                  .ok());
  EXPECT_EQ(run_shim_on(scene), 0);
  EXPECT_EQ(scene.text_of("children"), "2\n");
  EXPECT_EQ(scene.directory().exit()->exit_code(), 0);
}

TEST(ShimTest, WithoutAnAttemptItClaimsNothing) {
  AttemptScene scene;
  EXPECT_EQ(run_shim_on(scene), 1);
  EXPECT_FALSE(scene.has("claim.pbtxt"));
  std::ofstream(scene.path() / "attempt.pbtxt") << "argvv: 1";
  EXPECT_EQ(run_shim_on(scene), 2);
  EXPECT_FALSE(scene.has("claim.pbtxt"));
  EXPECT_EQ(run_process({LOCKSTEP_SHIM}, std::chrono::seconds(20)).exit_code, 2);
}

}  // namespace
}  // namespace lockstep
