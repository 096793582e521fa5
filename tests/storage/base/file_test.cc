#include "storage/base/file.h"

#include <array>
#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

// Nobody writes to it: a program that blocks SIGTERM, to ask for it between its steps, is ended by it all the same.
TEST(File, WaitingForAPipeEndsBySigterm) {
  const TemporaryDirectory directory;
  const std::filesystem::path pipe = directory / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const pid_t reader = fork();
  if (reader == 0) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    signal(SIGALRM, [](int) { _exit(98); });
    alarm(20);
    _exit(read_file(pipe, 1 << 20).ok() ? 0 : 99);
  }
  usleep(100000);
  ASSERT_EQ(kill(reader, SIGUSR1), 0);  // no reason to end: it asks for a checkpoint
  usleep(100000);
  EXPECT_EQ(waitpid(reader, nullptr, WNOHANG), 0);
  ASSERT_EQ(kill(reader, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(waitpid(reader, &status, 0), reader);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

// As the shell gives it for <(true): nobody writes to it any more, and nobody ever has.
TEST(File, ReadsAnEmptyPipeWithoutAName) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const Descriptor out(ends[0]);
  ASSERT_EQ(close(ends[1]), 0);
  EXPECT_EQ(read_file(fmt::format("/dev/fd/{}", out.get()), 10).value(), "");
}

TEST(File, RefusesWhatIsNoFile) {
  const TemporaryDirectory directory;
  const auto refused = [](const Status& status, const std::filesystem::path& path, std::string_view kind) {
    EXPECT_EQ(status, bad_data(fmt::format("\"{}\": expected a file, got {}", path.string(), kind)));
  };
  const std::filesystem::path pipe = directory / "pipe", name = directory / "socket";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const Descriptor listener(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(name.string().size(), sizeof(address.sun_path));
  name.string().copy(address.sun_path, sizeof(address.sun_path));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const CheckHead any = [](std::string_view, std::uint64_t) { return OkStatus(); };
  for (const auto& [path, kind] : {std::pair(directory.path(), "a directory"), std::pair(name, "a socket")}) {
    refused(read_file(path, 10).status(), path, kind);
    refused(read_file_headed(path, 10, 4, any).status(), path, kind);
    refused(refuse_no_file(path), path, kind);
  }
  refused(read_file_headed(pipe, 10, 4, any).status(), pipe, "a pipe");
  refused(read_file_headed("/dev/zero", 10, 4, any).status(), "/dev/zero", "a device");
}

TEST(File, ReadsNoMoreThanTheHeadOfWhatIsRefused) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write(directory / "a", {"12345"}).ok());
  const auto read = [&](std::size_t limit_bytes, std::size_t head_bytes, const Status& answer) {
    return read_file_headed(directory / "a", limit_bytes, head_bytes, [&](std::string_view head, std::uint64_t bytes) {
      EXPECT_EQ(head, std::string_view("12345").substr(0, head_bytes));
      EXPECT_EQ(bytes, std::filesystem::file_size(directory / "a"));
      return answer;
    });
  };
  EXPECT_EQ(read(5, 3, OkStatus()).value(), "12345");
  EXPECT_EQ(read(5, 9, OkStatus()).value(), "12345");
  EXPECT_TRUE(contains(read(4, 3, OkStatus()).status(), "expected at most 4 bytes, got 5"));
  // As large as no memory: the head alone is looked at.
  std::filesystem::resize_file(directory / "a", std::uintmax_t(1) << 42);
  EXPECT_EQ(read(std::size_t(1) << 43, 3, bad_data("no")).status(), bad_data("no"));
}

TEST(File, ErrorsNameThePath) {
  const TemporaryDirectory directory;
  const Status missing = read_file(directory / "missing", 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(contains(missing, (directory / "missing").string())) << missing;
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

TEST(FileIdentity, IsOfTheFileAndNotOfItsName) {
  const TemporaryDirectory directory;
  const auto create = [&](const char* name) {
    std::ofstream file(directory / name);
    return file;
  };
  const std::ofstream kept_open = create("a");
  const FileIdentity first(directory / "a"), nothing(directory / "none");
  EXPECT_EQ(FileIdentity(directory / "a"), first);
  EXPECT_NE(first, nothing);
  std::filesystem::rename(directory / "a", directory / "b");
  EXPECT_EQ(FileIdentity(directory / "b"), first);
  EXPECT_EQ(FileIdentity(directory / "a"), nothing);
  std::filesystem::remove(directory / "b");
  const std::ofstream other = create("b");
  EXPECT_NE(FileIdentity(directory / "b"), first);
  EXPECT_NE(FileIdentity(directory / "b"), nothing);
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
