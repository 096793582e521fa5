#include "storage/base/file.h"

#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

Status write(const std::filesystem::path& path, std::vector<std::string_view> parts) {
  return write_file_atomically(path, parts);
}

std::string message_of(const Status& status) {
  return std::string(status.message());
}

bool contains(const Status& status, std::string_view text) {
  return message_of(status).find(text) != std::string::npos;
}

TEST(File, ReadsWhatWasWritten) {
  const TemporaryDirectory directory;
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(write(directory / "a", {"one", "", "two", large}).ok());
  EXPECT_EQ(read_file(directory / "a", 4 << 20).value(), "onetwo" + large);
  ASSERT_TRUE(write(directory / "a", {}).ok());
  EXPECT_EQ(read_file(directory / "a", 0).value(), "");
  EXPECT_FALSE(std::filesystem::exists(directory / "a.tmp"));
}

TEST(File, LimitOfReading) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write(directory / "a", {"12345"}).ok());
  EXPECT_EQ(read_file(directory / "a", 5).value(), "12345");
  const Status status = read_file(directory / "a", 4).status();
  EXPECT_EQ(exit_code(status), 3);
  EXPECT_TRUE(contains(status, "expected at most 4 bytes")) << status;
  // A file without an end, and without a size: the limit holds.
  EXPECT_EQ(exit_code(read_file("/dev/zero", 100000).status()), 3);
}

TEST(File, ReadsPipes) {
  const TemporaryDirectory directory;
  const std::filesystem::path pipe = directory / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string text(200000, 'p');
  const pid_t writer = fork();
  if (writer == 0) {
    std::ofstream(pipe) << text;
    _exit(0);
  }
  EXPECT_EQ(read_file(pipe, 1 << 20).value(), text);
  EXPECT_EQ(waitpid(writer, nullptr, 0), writer);
}

TEST(File, ErrorsNameThePath) {
  const TemporaryDirectory directory;
  const Status missing = read_file(directory / "missing", 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(contains(missing, (directory / "missing").string())) << missing;
  const Status is_directory = read_file(directory.path(), 10).status();
  EXPECT_EQ(is_directory, io_error(fmt::format("cannot read \"{}\": Is a directory", directory.path().string())));
  const Status no_directory = write(directory.path() / "none" / "a", {"x"});
  EXPECT_EQ(exit_code(no_directory), 74);
  EXPECT_TRUE(contains(no_directory, "none/a.tmp\": No such file or directory")) << no_directory;
}

TEST(File, FullDisk) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write(directory / "a", {"old"}).ok());
  // The kernel's own full disk stands where the temporary file goes.
  std::filesystem::create_symlink("/dev/full", directory / "a.tmp");
  const Status status = write(directory / "a", {"new"});
  EXPECT_EQ(exit_code(status), 74);
  EXPECT_TRUE(contains(status, (directory / "a.tmp").string())) << status;
  EXPECT_TRUE(contains(status, "No space left on device; free some space")) << status;
  EXPECT_EQ(read_file(directory / "a", 10).value(), "old");
  EXPECT_FALSE(std::filesystem::is_symlink(directory / "a.tmp"));
}

TEST(File, SizeLimitAfterAShortWrite) {
  const TemporaryDirectory directory;
  const auto write_5000_bytes = [&](rlim_t limit_bytes) {
    const rlimit limit{limit_bytes, limit_bytes};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return 99;
    const std::string text(5000, 'n');
    const Status status = write(directory / "a", {text});
    if (status.ok()) return 0;
    return contains(status, "File too large; raise the file size limit") ? exit_code(status) : 98;
  };
  ASSERT_EQ(run_in_child("", [&] { return write_5000_bytes(5000); }), 0);
  EXPECT_EQ(run_in_child("", [&] { return write_5000_bytes(3000); }), 74);
  EXPECT_EQ(read_file(directory / "a", 5000).value(), std::string(5000, 'n'));
  EXPECT_FALSE(std::filesystem::exists(directory / "a.tmp"));
}

TEST(File, ReplacesForThoseWhoRead) {
  const TemporaryDirectory directory;
  const std::string_view old_parts[] = {"old"}, new_parts[] = {"n", "ew"};
  ASSERT_TRUE(replace_file(directory / "a", old_parts).ok());
  ASSERT_TRUE(replace_file(directory / "a", new_parts).ok());
  EXPECT_EQ(read_file(directory / "a", 10).value(), "new");
  EXPECT_FALSE(std::filesystem::exists(directory / "a.tmp"));
}

TEST(File, IsCreatedOnce) {
  const TemporaryDirectory directory;
  const auto create = [&](std::string_view text) {
    const std::string_view parts[] = {text};
    return create_file_once(directory / "a", parts);
  };
  ASSERT_TRUE(create("first").ok());
  EXPECT_EQ(create("second").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(read_file(directory / "a", 10).value(), "first");
}

TEST(File, OfManyMakersOneCreatesIt) {
  const TemporaryDirectory directory;
  std::vector<pid_t> makers;
  for (int i = 0; i < 8; ++i) {
    makers.push_back(fork());
    if (makers.back() != 0) continue;
    const std::string text(1000, static_cast<char>('0' + i));
    const std::string_view parts[] = {text};
    _exit(create_file_once(directory / "a", parts).ok() ? 0 : 1);
  }
  int created = 0;
  for (const pid_t maker : makers) {
    int status = 0;
    EXPECT_EQ(waitpid(maker, &status, 0), maker);
    created += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(read_file(directory / "a", 1000).value().size(), 1000U);
}

TEST(File, MakesDirectories) {
  const TemporaryDirectory directory;
  const std::filesystem::path deep = directory.path() / "a" / "b" / "c";
  EXPECT_TRUE(make_directories(deep).ok());
  EXPECT_TRUE(make_directories(deep).ok());
  EXPECT_TRUE(std::filesystem::is_directory(deep));
  ASSERT_TRUE(write(directory / "file", {"x"}).ok());
  const Status status = make_directories(directory.path() / "file" / "d");
  EXPECT_EQ(exit_code(status), 74);
  EXPECT_TRUE(contains(status, "file/d")) << status;
}

TEST(FileLock, IsHeldByOneProcessAndDroppedWithIt) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "lock";
  const auto code_in_child = [&] {
    return run_in_child("", [&] { return static_cast<int>(FileLock::acquire(path).status().code()); });
  };
  {
    StatusOr<FileLock> lock = FileLock::acquire(path);
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_EQ(code_in_child(), static_cast<int>(absl::StatusCode::kAlreadyExists));
    const FileLock moved = *std::move(lock);
    EXPECT_EQ(code_in_child(), static_cast<int>(absl::StatusCode::kAlreadyExists));
  }
  EXPECT_EQ(code_in_child(), 0);
  const auto hold_and_die = [&] {
    const StatusOr<FileLock> lock = FileLock::acquire(path);
    return lock.ok() ? raise(SIGKILL) : 99;
  };
  EXPECT_EQ(run_in_child("", hold_and_die), -SIGKILL);
  EXPECT_EQ(code_in_child(), 0);
  EXPECT_EQ(exit_code(FileLock::acquire(directory.path() / "none" / "lock").status()), 74);
}

}  // namespace
}  // namespace lockstep
