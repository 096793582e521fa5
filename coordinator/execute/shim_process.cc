#include "coordinator/execute/shim_process.h"

#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/execute/shim.h"

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace lockstep {

StatusOr<ShimProcess> start_shim(const std::filesystem::path& program, const AttemptDirectory& directory) {
  const std::string output = directory.output_path();
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // The shim opens it too; here it takes what is said before main, such as a missing library.
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  const sigset_t blocked = shim_signals();
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  std::string name = program;
  std::string path = directory.path();
  char* const arguments[] = {name.data(), path.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, name.c_str(), &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return io_error(fmt::format("cannot start \"{}\" with output to \"{}\": {}", name, output,
                                std::generic_category().message(error)));
  }
  // It stays in the table, as a zombie at least, until it is reaped: the number is its own.
  const auto facts = process_facts(pid);
  CHECK(facts, "the shim {} is not in the process table: who reaps children of this process?", pid);
  return ShimProcess{facts->identity, Descriptor(pidfd_open(pid, 0))};
}

std::string reap(const ProcessIdentity& shim) {
  const auto facts = process_facts(shim.pid);
  siginfo_t ended = {};
  const bool ours = shim.pid > 1 && facts && facts->identity == shim &&
                    waitid(P_PID, static_cast<id_t>(shim.pid), &ended, WEXITED | WNOHANG) == 0 && ended.si_pid != 0;
  if (!ours) return "ended";
  if (ended.si_code == CLD_EXITED) return fmt::format("ended with code {}", ended.si_status);
  return fmt::format("was killed by signal {}", ended.si_status);
}

}  // namespace lockstep
