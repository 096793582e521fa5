#include "coordinator/execute/process_table.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"

namespace lockstep {
namespace {

// A child that sleeps for 100 seconds, as leader of a session of its own.
pid_t sleeping_child() {
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    execl("/bin/sleep", "sleep", "100", nullptr);
    _exit(127);
  }
  EXPECT_TRUE(eventually([&] {
    const auto facts = process_facts(child);
    return facts && facts->session == child;
  }));
  return child;
}

void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(ProcessStatTest, ReadsTheFieldsBehindAnyName) {
  const auto facts = parse_process_stat("42 (a) Z (b) 9) S 1 41 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 5151452 31 36\n");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->identity, (ProcessIdentity{42, 5151452}));
  EXPECT_EQ(facts->session, 40);
  EXPECT_TRUE(facts->alive);
}

TEST(ProcessStatTest, AZombieLivesAsLongAsOneOfItsThreads) {
  EXPECT_FALSE(parse_process_stat("42 (a) Z 1 41 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 515 0 0\n")->alive);
  EXPECT_TRUE(parse_process_stat("42 (a) Z 1 41 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 515 0 0\n")->alive);
}

TEST(ProcessStatTest, RefusesWhatIsNoSuchLine) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("42 (a"));
  EXPECT_FALSE(parse_process_stat("42 (a) S 1 41 40 0"));
  EXPECT_FALSE(parse_process_stat("42 (a) S 1 41 x 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 5151452 31 36\n"));
}

TEST(ProcessTableTest, KnowsThisProcess) {
  const auto facts = process_facts(getpid());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->identity.pid, getpid());
  EXPECT_EQ(facts->session, getsid(0));
  EXPECT_TRUE(facts->alive);
}

TEST(ProcessTableTest, AZombieIsDead) {
  const pid_t child = sleeping_child();
  const auto facts = process_facts(child);
  kill(child, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !lives(child); }));
  EXPECT_TRUE(process_facts(child));
  EXPECT_TRUE(absl::IsNotFound(open_process(facts->identity).status()));
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(process_facts(child));
}

TEST(ProcessTableTest, OpensNoOtherProcessOfTheSameNumber) {
  const pid_t child = sleeping_child();
  const ProcessIdentity identity = process_facts(child)->identity;
  EXPECT_TRUE(open_process(identity).ok());
  EXPECT_TRUE(absl::IsNotFound(open_process({identity.pid, identity.start_ticks + 1}).status()));
  end(child);
}

TEST(ProcessTableTest, FindsAProgramByNameAndWholeArgument) {
  const pid_t child = sleeping_child();
  const auto is_found = [&](std::string_view name, std::string_view argument) {
    for (const ProcessIdentity& found : processes_running(name, argument)) {
      if (found.pid == child) return true;
    }
    return false;
  };
  EXPECT_TRUE(eventually([&] { return is_found("sleep", "100"); }));
  EXPECT_FALSE(is_found("sleep", "10"));
  EXPECT_FALSE(is_found("leep", "100"));
  end(child);
}

TEST(ProcessTableTest, SparesOneProcessOfASession) {
  const pid_t child = sleeping_child();
  EXPECT_EQ(kill_session(child, child), 0);
  EXPECT_TRUE(lives(child));
  EXPECT_EQ(kill_session(child, 0), 1);
  EXPECT_TRUE(eventually([&] { return kill_session(child, 0) == 0; }));
  EXPECT_FALSE(lives(child));
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace lockstep
