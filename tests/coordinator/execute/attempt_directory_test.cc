#include "coordinator/execute/attempt_directory.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/coordinator/execute/attempt_scene.h"

namespace lockstep {
namespace {

proto::ClaimFile claim_of(int pid) {
  proto::ClaimFile claim;
  claim.set_pid(pid);
  return claim;
}

TEST(AttemptDirectoryTest, KeepsTheTokenFromOthers) {
  AttemptScene scene;
  std::ofstream(scene.path() / "attempt.pbtxt.tmp") << "left by a crash";
  proto::AttemptFile attempt = scene.job("true");
  attempt.set_token("a \"token\"\n");
  ASSERT_TRUE(scene.directory().write_attempt(attempt).ok());
  struct stat facts = {};
  ASSERT_EQ(stat((scene.path() / "attempt.pbtxt").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600U);
  const auto read = scene.directory().attempt();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), attempt.SerializeAsString());
}

TEST(AttemptDirectoryTest, AClaimIsMadeOnce) {
  AttemptScene scene;
  EXPECT_TRUE(absl::IsNotFound(scene.directory().claim().status()));
  EXPECT_TRUE(scene.directory().make_claim(claim_of(7)).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(scene.directory().make_claim(claim_of(8))));
  EXPECT_EQ(scene.directory().claim()->pid(), 7);
  // Nothing else is left.
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scene.path())) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 1);
}

TEST(AttemptDirectoryTest, AnEmptyClaimIsAClaim) {
  AttemptScene scene;
  std::ofstream(scene.path() / "claim.pbtxt").flush();
  EXPECT_TRUE(absl::IsAlreadyExists(scene.directory().make_claim(claim_of(8))));
}

TEST(AttemptDirectoryTest, TellsNoFileFromABadOne) {
  AttemptScene scene;
  EXPECT_TRUE(absl::IsNotFound(scene.directory().exit().status()));
  std::ofstream(scene.path() / "exit.pbtxt") << "exit_code: x";
  EXPECT_TRUE(absl::IsInvalidArgument(scene.directory().exit().status()));
}

TEST(AttemptDirectoryTest, LastWordsAreTenLines) {
  AttemptScene scene;
  EXPECT_EQ(scene.directory().last_words(), "");
  std::ofstream output(scene.path() / "output.txt");
  for (int line = 0; line < 15; ++line) output << "line " << line << "\n";
  output << "\n" << std::flush;
  EXPECT_EQ(scene.directory().last_words(),
            "line 5\nline 6\nline 7\nline 8\nline 9\nline 10\nline 11\nline 12\nline 13\nline 14");
}

TEST(AttemptDirectoryTest, LastWordsAreFewAndPlain) {
  AttemptScene scene;
  std::ofstream(scene.path() / "output.txt") << std::string(5000, 'x') << "a\tb\x1b\xc3\xa4";
  const std::string words = scene.directory().last_words();
  EXPECT_EQ(words.size(), 2048U);
  EXPECT_TRUE(words.ends_with("xa\tb???"));
}

}  // namespace
}  // namespace lockstep
