#include "tests/mpi/process.h"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become(const std::vector<std::string>& arguments, int output) {
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  _exit(127);
}

// Reads until the end of the stream or the deadline; true at the end.
bool read_until(Clock::time_point deadline, int input, std::string& text) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{input, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
    char bytes[4096];
    const ssize_t count = read(input, bytes, sizeof bytes);
    if (count <= 0) return true;
    text.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace

Outcome run_process(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  const pid_t child = fork();
  CHECK(child >= 0, "fork");
  if (child == 0) become(arguments, ends[1]);
  close(ends[1]);
  Outcome outcome;
  if (!read_until(Clock::now() + limit, ends[0], outcome.output)) {
    outcome.timed_out = true;
    kill(child, SIGTERM);
    if (!read_until(Clock::now() + std::chrono::seconds(5), ends[0], outcome.output)) kill(child, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace lockstep
