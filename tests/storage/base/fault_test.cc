#include "storage/base/fault.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/storage/base/child_process.h"

namespace lockstep {
namespace {

// Visits "disk" three times; 10 + the number of visits that failed.
int visit_thrice() {
  int failures = 0;
  for (int i = 0; i < 3; ++i) failures += fault_point("disk").ok() ? 0 : 1;
  return 10 + failures;
}

TEST(Fault, NoVariableNoFault) {
  EXPECT_EQ(run_in_child("", visit_thrice), 10);
}

TEST(Fault, FailsAtOneVisitOrAtEvery) {
  EXPECT_EQ(run_in_child("disk:2:fail", visit_thrice), 11);
  EXPECT_EQ(run_in_child("disk:4:fail", visit_thrice), 10);
  EXPECT_EQ(run_in_child("disk:0:fail", visit_thrice), 13);
  EXPECT_EQ(run_in_child("disk:1:fail,disk:3:fail", visit_thrice), 12);
  EXPECT_EQ(run_in_child("network:0:fail", visit_thrice), 10);
}

TEST(Fault, FailIsAnIoErrorThatNamesThePoint) {
  const auto body = [] {
    const Status status = fault_point("disk");
    const bool named = std::string(status.message()).find("disk") != std::string::npos;
    return exit_code(status) + (named ? 10 : 0);
  };
  EXPECT_EQ(run_in_child("disk:1:fail", body), 84);
}

TEST(Fault, KillsAsKill9) {
  EXPECT_EQ(run_in_child("disk:3:kill", visit_thrice), -SIGKILL);
  EXPECT_EQ(run_in_child("disk:4:kill", visit_thrice), 10);
}

TEST(Fault, SleepHangs) {
  const auto body = [] {
    alarm(1);  // ends the sleep, and the child
    return visit_thrice();
  };
  EXPECT_EQ(run_in_child("disk:2:sleep", body), -SIGALRM);
  EXPECT_EQ(run_in_child("disk:4:sleep", body), 10);
}

TEST(Fault, ThrowsAsAnAllocationThatFails) {
  const auto uncaught = []() noexcept { return visit_thrice(); };  // GoogleTest would catch it
  EXPECT_EQ(run_in_child("disk:2:throw", uncaught), -SIGABRT);
  EXPECT_EQ(run_in_child("disk:4:throw", visit_thrice), 10);
}

TEST(Fault, OneRank) {
  const auto visit_as_rank_2 = [] {
    set_rank_for_messages(2);
    return visit_thrice();
  };
  EXPECT_EQ(run_in_child("disk:1:fail@2", visit_as_rank_2), 11);
  EXPECT_EQ(run_in_child("disk:1:fail@1", visit_as_rank_2), 10);
  EXPECT_EQ(run_in_child("disk:1:fail@2", visit_thrice), 10);  // it has no rank
}

TEST(Fault, NonsenseIsABadConfigurationAtEveryVisit) {
  const auto body = [] { return exit_code(fault_point("network")) + exit_code(fault_point("disk")); };
  for (const char* text : {"disk", "disk:1", "disk:x:fail", "disk:1:explode", ":1:fail", "disk:-1:fail", "disk:1:fail@",
                           "disk:1:fail@x", "disk:1:fail,,"}) {
    EXPECT_EQ(run_in_child(text, body), 4) << text;
  }
  EXPECT_EQ(run_in_child("disk:1:fail@0", body), 0);
}

}  // namespace
}  // namespace lockstep
