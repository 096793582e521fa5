#include "coordinator/execute/shim.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/execute/attempt_directory.h"
#include "coordinator/execute/process_table.h"
#include "storage/base/cores.h"
#include "storage/base/exit_code.h"
#include "storage/base/fault.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

// What a job may see of the coordinator's environment. Variables of an MPI that the coordinator itself runs under
// (OMPI_*, PMIX_*) would make mpirun take itself for one of its ranks.
constexpr const char* kPassedOn[] = {"PATH", "HOME", "USER", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "LOCKSTEP_FAULT"};
constexpr auto kPatience = std::chrono::seconds(10);
constexpr int kCannotExecute = 127;
constexpr int kSignalled = 128;

Status failed(std::string_view operation, int error = errno) {
  return io_error(fmt::format("cannot {}: {}", operation, std::generic_category().message(error)));
}

Status set_streams(const AttemptDirectory& directory) {
  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor output(::open(directory.output_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!input.valid() || !output.valid()) return failed("open /dev/null and output.txt");
  const bool set = ::dup2(input.get(), STDIN_FILENO) >= 0 && ::dup2(output.get(), STDOUT_FILENO) >= 0 &&
                   ::dup2(output.get(), STDERR_FILENO) >= 0;
  return set ? OkStatus() : failed("set the streams");
}

void set_signals() {
  const sigset_t blocked = shim_signals();
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
  // Whoever started the shim may have had them ignored, which would go on into mpirun and hide its end from us.
  for (const int number : {SIGUSR1, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ}) std::signal(number, SIG_DFL);
}

Status lead_session() {
  if (getsid(0) != getpid() && setsid() < 0) return failed("lead a session (started by a shell with job control?)");
  return OkStatus();
}

Status claim(const AttemptDirectory& directory) {
  const auto self = process_facts(getpid());
  CHECK(self, "no /proc/{}/stat", getpid());
  proto::ClaimFile claim;
  claim.set_pid(self->identity.pid);
  claim.set_start_ticks(self->identity.start_ticks);
  claim.set_boot(boot_id());
  return directory.make_claim(claim);
}

// The kernel drops cores that do not exist, or that are not for us, without a word: so the set is read back.
Status set_cores(const proto::AttemptFile& attempt) {
  if (attempt.core().empty()) return OkStatus();
  const std::vector<int> wanted(attempt.core().begin(), attempt.core().end());
  const bool set = allow_cores(wanted);
  const std::vector<int> got = allowed_cores();
  for (const int core : wanted) {
    const bool usable = std::binary_search(got.begin(), got.end(), core);
    if (!usable) return machine_cannot(fmt::format("core {} does not exist, or may not be used", core));
  }
  if (!set) return machine_cannot("the cores of the attempt cannot be taken");
  return OkStatus();
}

[[noreturn]] void become(const proto::AttemptFile& attempt, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotExecute);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  std::vector<std::string> arguments(attempt.argv().begin(), attempt.argv().end());
  std::vector<std::string> variables;
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name)) variables.push_back(fmt::format("{}={}", name, value));
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> environment = pointers(variables);
  // execvpe would hand a file that is no program to a shell.
  const std::string name = arguments.empty() ? "" : arguments[0];
  if (name.find('/') != name.npos) {
    execve(name.c_str(), argv.data(), environment.data());
  } else if (const char* path = std::getenv("PATH")) {
    for (std::string_view rest = path; !name.empty() && !rest.empty();) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
      if (!folder.empty()) execve(fmt::format("{}/{}", folder, name).c_str(), argv.data(), environment.data());
    }
  }
  fmt::print(stderr, "lockstep-shim: {}\n", failed(fmt::format("execute \"{}\"", name)).ToString());
  _exit(kCannotExecute);
}

// Waits for the child, with SIGUSR1 handed on to it once. Returns its exit code, or 128 + signal.
int wait_for(pid_t child) {
  const sigset_t signals = shim_signals();
  bool asked = false;
  while (true) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
    if (ended > 0) continue;  // an orphan
    if (sigwaitinfo(&signals, nullptr) == SIGUSR1 && !std::exchange(asked, true)) ::kill(child, SIGUSR1);
  }
}

bool has_children() {
  pid_t ended = 1;
  while (ended > 0) ended = waitpid(-1, nullptr, WNOHANG);
  return ended == 0;
}

// Ranks that mpirun has left behind. They have become children of the shim: mostly there are none, and then the process
// table need not be searched.
Status clear_session() {
  const auto give_up = Clock::now() + kPatience;
  while (has_children() && kill_session(getpid(), getpid()) > 0) {
    if (Clock::now() > give_up) return io_error("processes of the attempt do not die of SIGKILL");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return OkStatus();
}

StatusOr<int> run_job(const proto::AttemptFile& attempt) {
  if (const Status cores = set_cores(attempt); !cores.ok()) {
    fmt::print(stderr, "lockstep-shim: {}\n", std::string(cores.message()));
    return exit_code(cores);
  }
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return failed("adopt orphans");
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) become(attempt, self);
  RETURN_IF_ERROR(fault_point("shim.started"));
  const int code = wait_for(child);
  RETURN_IF_ERROR(fault_point("shim.ended"));
  RETURN_IF_ERROR(clear_session());
  return code;
}

}  // namespace

sigset_t shim_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGUSR1, SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

Status run_shim(const std::filesystem::path& path) {
  const AttemptDirectory directory(path);
  set_signals();
  RETURN_IF_ERROR(set_streams(directory));
  RETURN_IF_ERROR(fault_point("shim.begin"));
  RETURN_IF_ERROR(lead_session());
  ASSIGN_OR_RETURN(const proto::AttemptFile attempt, directory.attempt());
  const Status claimed = claim(directory);
  if (absl::IsAlreadyExists(claimed)) return OkStatus();
  RETURN_IF_ERROR(claimed);
  RETURN_IF_ERROR(fault_point("shim.claimed"));

  const auto begin = Clock::now();
  ASSIGN_OR_RETURN(const int code, run_job(attempt));
  proto::ExitFile exit;
  exit.set_exit_code(code);
  exit.set_seconds(std::chrono::duration<double>(Clock::now() - begin).count());
  RETURN_IF_ERROR(directory.write_exit(exit));
  return fault_point("shim.exit_written");
}

}  // namespace lockstep
