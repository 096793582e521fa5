#include "coordinator/execute/command_output.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace lockstep {

StatusOr<std::string> command_output(std::vector<std::string> arguments) {
  constexpr std::size_t kMostBytes = 1 << 20;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return io_error(fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  std::array<char, 4096> piece{};
  ssize_t bytes = 0;
  while (code == 0 && text.size() < kMostBytes && (bytes = read(ends[0], piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  close(ends[0]);
  if (code != 0) return io_error(fmt::format("cannot start {}: {}", arguments[0], std::strerror(code)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return io_error(
        fmt::format("{}: ended with status {}", arguments[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
  return text;
}

}  // namespace lockstep
