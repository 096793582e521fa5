// A process that is killed, or whose disk fails, at any point of write_checkpoint leaves a directory in which every
// checkpoint is whole. The control is a writer without the protection: it goes red.
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/fault.h"
#include "storage/checkpoint/directory.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

using Writer = std::function<Status(const fs::path&, const Checkpoint&)>;

constexpr const char* kPoints[] = {"file.open", "file.write", "file.fsync", "file.rename", "file.fsync_directory"};

constexpr int kNoneOrTorn = 100;

// Runs `body` in a process of its own, with these faults; returns what waitpid gives. Writing and reading visit fault
// points, so the process that runs the test does neither: the plan is read once a process.
int in_child(const std::string& faults, const std::function<int()>& body) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv("LOCKSTEP_FAULT", faults.c_str(), 1);
    _exit(body());
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

// Writes a checkpoint of `step`: exit code 0 when the writer returned OK, 1 when it returned an error.
int write_in_child(const Writer& writer, const fs::path& directory, std::int64_t step, const std::string& faults) {
  return in_child(faults,
                  [&] { return writer(checkpoint_path(directory, step), sample_checkpoint(step)).ok() ? 0 : 1; });
}

bool was_killed(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int read_all(const fs::path& directory) {
  const StatusOr<std::vector<CheckpointFile>> files = list_checkpoints(directory);
  CHECK(files.ok());
  int newest = kNoneOrTorn;
  for (const CheckpointFile& file : *files) {
    const StatusOr<Checkpoint> checkpoint = read_checkpoint(file.path);
    if (!checkpoint.ok() || checkpoint->step != file.step) return kNoneOrTorn;
    expect_same(sample_checkpoint(file.step), *checkpoint);
    newest = static_cast<int>(file.step);
  }
  return testing::Test::HasFailure() ? kNoneOrTorn : newest;
}

// The step of the newest checkpoint; -1 when any that is listed is bad or there is none.
int newest_when_all_are_whole(const fs::path& directory) {
  const int status = in_child("", [&] { return read_all(directory); });
  CHECK(WIFEXITED(status));
  return WEXITSTATUS(status) == kNoneOrTorn ? -1 : WEXITSTATUS(status);
}

// Writes in place, without a temporary file.
Status naive_writer(const fs::path& path, const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(const std::string bytes, encode_checkpoint(checkpoint));
  std::ofstream file(path, std::ios::binary);
  file << bytes.substr(0, bytes.size() / 2) << std::flush;
  RETURN_IF_ERROR(fault_point("file.write"));
  file << bytes.substr(bytes.size() / 2) << std::flush;
  return OkStatus();
}

TEST(Crash, KilledAtEveryPoint) {
  for (const char* point : kPoints) {
    const TemporaryDirectory directory;
    ASSERT_EQ(write_in_child(write_checkpoint, directory.path(), 1, ""), 0);
    const int status = write_in_child(write_checkpoint, directory.path(), 2, fmt::format("{}:1:kill", point));
    EXPECT_TRUE(was_killed(status)) << point;
    const bool is_renamed = std::string_view(point) == "file.fsync_directory";
    EXPECT_EQ(newest_when_all_are_whole(directory.path()), is_renamed ? 2 : 1) << point;
    // Going on, as a restarted job does.
    EXPECT_TRUE(retain_checkpoints(directory.path(), 0, 0, {}).ok());
    EXPECT_EQ(write_in_child(write_checkpoint, directory.path(), 2, ""), 0);
    EXPECT_EQ(newest_when_all_are_whole(directory.path()), 2) << point;
    EXPECT_FALSE(fs::exists(directory.path() / "step-000000002.h5.tmp"));
  }
}

// The same step again, as after a resume: the old file or the new one, whole.
TEST(Crash, KilledWhileReplacing) {
  for (const char* point : kPoints) {
    const TemporaryDirectory directory;
    ASSERT_EQ(write_in_child(write_checkpoint, directory.path(), 1, ""), 0);
    EXPECT_TRUE(was_killed(write_in_child(write_checkpoint, directory.path(), 1, fmt::format("{}:1:kill", point))));
    EXPECT_EQ(newest_when_all_are_whole(directory.path()), 1) << point;
  }
}

TEST(Crash, FailedAtEveryPoint) {
  for (const char* point : kPoints) {
    const TemporaryDirectory directory;
    ASSERT_EQ(write_in_child(write_checkpoint, directory.path(), 1, ""), 0);
    const int status = write_in_child(write_checkpoint, directory.path(), 2, fmt::format("{}:1:fail", point));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << point;
    EXPECT_GE(newest_when_all_are_whole(directory.path()), 1) << point;
    EXPECT_FALSE(fs::exists(directory.path() / "step-000000002.h5.tmp")) << point;
  }
}

TEST(Crash, ControlWithoutProtectionIsTorn) {
  TemporaryDirectory directory;
  ASSERT_EQ(write_in_child(naive_writer, directory.path(), 1, ""), 0);
  EXPECT_EQ(newest_when_all_are_whole(directory.path()), 1);
  EXPECT_TRUE(was_killed(write_in_child(naive_writer, directory.path(), 2, "file.write:1:kill")));
  EXPECT_EQ(newest_when_all_are_whole(directory.path()), -1);
  EXPECT_TRUE(was_killed(write_in_child(naive_writer, directory.path(), 1, "file.write:1:kill")));
  const StatusOr<FoundCheckpoint> found =
      newest_good_checkpoint(directory.path(), [](const fs::path&, const Status& why) { EXPECT_FALSE(why.ok()); });
  EXPECT_TRUE(absl::IsNotFound(found.status()));
}

}  // namespace
}  // namespace lockstep
