#include "coordinator/execute/command_output.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/descriptor.h"

extern char** environ;

namespace lockstep {

StatusOr<CommandResult> command_result(std::vector<std::string> arguments, CommandErrors errors) {
  constexpr std::size_t kMostBytes = 1 << 20;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return io_error(fmt::format("pipe: {}", std::strerror(errno)));
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  if (errors == CommandErrors::kTaken) posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  writing.close();
  std::string text;
  std::array<char, 4096> piece{};
  ssize_t bytes = 0;
  while (code == 0 && text.size() < kMostBytes && (bytes = read(reading.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  if (code != 0) return io_error(fmt::format("cannot start {}: {}", arguments[0], std::strerror(code)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) {
    return io_error(fmt::format("{} was ended by signal {}", fmt::join(arguments, " "), WTERMSIG(status)));
  }
  return CommandResult{std::move(text), WEXITSTATUS(status)};
}

StatusOr<std::string> command_output(std::vector<std::string> arguments) {
  const std::string command = fmt::format("{}", fmt::join(arguments, " "));
  ASSIGN_OR_RETURN(CommandResult result, command_result(std::move(arguments), CommandErrors::kShown));
  if (result.exit_code != 0) return io_error(fmt::format("{} ended with {}", command, result.exit_code));
  return std::move(result.output);
}

}  // namespace lockstep
