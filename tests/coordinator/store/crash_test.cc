// A process is killed while it commits: whoever opens the log then finds every event that was acknowledged, and no gap.
// This process visits no fault point itself (see child_process.h): only children commit.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

enum class Acknowledge { kAfterCommit, kBeforeCommit };

constexpr int kMostCommits = 20000;

// Commits one to three events at a time, with a point, and writes the revision of the last one to the pipe.
void commit_and_tell(const std::filesystem::path& file, int pipe, Acknowledge when) {
  const std::unique_ptr<Store> store = open_store(file);
  const auto tell = [&](std::int64_t revision) { CHECK(write(pipe, &revision, sizeof revision) == sizeof revision); };
  for (int i = 0; i < kMostCommits; ++i) {
    Commit commit;
    for (int j = 0; j <= i % 3; ++j) commit.events.push_back(evaluated("s1", j, i));
    commit.points.push_back(point("s1", 0, 1, i, 1.0));
    if (when == Acknowledge::kBeforeCommit) tell(store->last_revision() + 1 + i % 3);
    CHECK(commit_one(*store, std::move(commit)).ok());
    if (when == Acknowledge::kAfterCommit) tell(store->last_revision());
  }
}

// Runs that in a child with LOCKSTEP_FAULT as given and kills it after so many acknowledgements, unless the fault does.
// Returns the last revision that was acknowledged.
std::int64_t acknowledged_until_kill(const std::filesystem::path& file, Acknowledge when, const char* fault,
                                     int acknowledgements) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(ends[0]);
    setenv("LOCKSTEP_FAULT", fault, 1);
    commit_and_tell(file, ends[1], when);
    _exit(0);
  }
  close(ends[1]);
  std::int64_t last = 0;
  for (int i = 0; read(ends[0], &last, sizeof last) == sizeof last; ++i) {
    if (i == acknowledgements) kill(child, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child was not killed: {}", status);
  return last;
}

// How many acknowledged events are not there. What is there must be whole.
std::int64_t lost(const std::filesystem::path& file, std::int64_t acknowledged) {
  const std::unique_ptr<Store> store = open_store(file);
  EXPECT_TRUE(store->verify().ok()) << store->verify();
  EXPECT_EQ(static_cast<std::int64_t>(events_after(*store, 0).size()), store->last_revision());
  return std::max<std::int64_t>(0, acknowledged - store->last_revision());
}

TEST(StoreCrash, KilledAtAnyTimeItHasAllThatWasAcknowledged) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "log.sqlite";
  std::int64_t before = 0;
  for (const int acknowledgements : {0, 3, 40, 150, 400}) {
    const std::int64_t acknowledged = acknowledged_until_kill(file, Acknowledge::kAfterCommit, "", acknowledgements);
    EXPECT_GT(acknowledged, before + acknowledgements);
    EXPECT_EQ(lost(file, acknowledged), 0);
    before = acknowledged;
  }
}

struct Kill {
  const char* fault;
  Acknowledge when;
  std::int64_t lost;
};

TEST(StoreCrash, KilledAtACommitItHasAllThatWasAcknowledged) {
  // Visit 51 is of a commit of three events; the controls acknowledge before they commit.
  for (const Kill& it : {Kill{"serve.commit:51:kill", Acknowledge::kAfterCommit, 0},
                         Kill{"serve.committed:51:kill", Acknowledge::kAfterCommit, 0},
                         Kill{"serve.commit:51:kill", Acknowledge::kBeforeCommit, 3},
                         Kill{"serve.committed:51:kill", Acknowledge::kBeforeCommit, 0}}) {
    const TemporaryDirectory directory;
    const std::filesystem::path file = directory / "log.sqlite";
    const std::int64_t acknowledged = acknowledged_until_kill(file, it.when, it.fault, kMostCommits);
    EXPECT_EQ(lost(file, acknowledged), it.lost) << it.fault;
  }
}

}  // namespace
}  // namespace lockstep
