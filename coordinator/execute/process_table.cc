#include "coordinator/execute/process_table.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/base/status.h"

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace lockstep {
namespace {

template <typename Integer>
bool parse_integer(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Nothing when the process is gone, or is hidden, as those of other users may be. Any other error must not read as
// that: better no coordinator than one that takes what lives for dead.
std::optional<std::string> process_file(pid_t pid, std::string_view name) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char bytes[4096];
  ssize_t count = file.valid() ? 1 : -1;
  while (count > 0) {
    count = ::read(file.get(), bytes, sizeof bytes);
    if (count > 0) text.append(bytes, static_cast<std::size_t>(count));
  }
  if (count == 0) return text;
  const bool gone_or_hidden = errno == ENOENT || errno == ESRCH || errno == EACCES || errno == EPERM;
  CHECK(gone_or_hidden, "cannot read {}: {}", path, std::generic_category().message(errno));
  return std::nullopt;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    pid_t pid = 0;
    if (parse_integer(entry->path().filename().native(), pid)) pids.push_back(pid);
  }
  CHECK(!error, "cannot list /proc: {}", error.message());
  return pids;
}

// A call that failed without saying that the process is dead.
Status unknown(std::string_view call, pid_t pid, int error) {
  return io_error(fmt::format("cannot tell whether process {} lives: {}: {}", pid, call,
                              error == 0 ? "it is hidden" : std::generic_category().message(error)));
}

// Of a member that lived a moment ago; SIGKILL is sent to it.
bool still_lives(const ProcessIdentity& member) {
  const StatusOr<Descriptor> process = open_process(member);
  const Status status = process.ok() ? send_signal(*process, SIGKILL) : process.status();
  return !absl::IsNotFound(status);
}

}  // namespace

// "PID (NAME) STATE ppid pgrp session ...": NAME may hold blanks and parentheses, so fields are counted from the last
// one. See proc(5); numbers below are those of its list.
std::optional<ProcessFacts> parse_process_stat(std::string_view line) {
  constexpr std::size_t kState = 3, kSession = 6, kThreads = 20, kStartTime = 22;
  const std::size_t open = line.find(" (");
  const std::size_t close = line.rfind(") ");
  if (open == line.npos || close == line.npos) return std::nullopt;
  ProcessFacts facts;
  if (!parse_integer(line.substr(0, open), facts.identity.pid)) return std::nullopt;
  std::string_view rest = line.substr(close + 2);
  std::size_t field = kState;
  bool valid = true;
  bool zombie = false;
  int threads = 0;
  for (; field <= kStartTime && !rest.empty(); ++field) {
    const std::string_view text = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    if (field == kState) zombie = text == "Z" || text == "X";
    if (field == kSession) valid &= parse_integer(text, facts.session);
    if (field == kThreads) valid &= parse_integer(text, threads);
    if (field == kStartTime) valid &= parse_integer(text, facts.identity.start_ticks);
  }
  if (!valid || field <= kStartTime) return std::nullopt;
  facts.alive = !zombie || threads > 1;  // the first thread may end before the others
  return facts;
}

std::optional<ProcessFacts> process_facts(pid_t pid) {
  const std::optional<std::string> line = process_file(pid, "stat");
  return line ? parse_process_stat(*line) : std::nullopt;
}

const std::string& boot_id() {
  static const std::string* const id = [] {
    const StatusOr<std::string> text = read_file("/proc/sys/kernel/random/boot_id", 4096);
    CHECK(text.ok(), "{}", text.status().ToString());
    return new std::string(text->substr(0, text->find('\n')));
  }();
  return *id;
}

StatusOr<Descriptor> open_process(const ProcessIdentity& identity) {
  const Status dead = absl::NotFoundError(fmt::format("process {} is dead", identity.pid));
  if (identity.pid <= 1) return dead;
  Descriptor process(pidfd_open(identity.pid, 0));  // close-on-exec by definition
  const int error = process.valid() ? 0 : errno;
  if (error == ESRCH) return dead;
  if (error == EMFILE || error == ENFILE || error == ENOMEM) return unknown("pidfd_open", identity.pid, error);
  const std::optional<ProcessFacts> facts = process_facts(identity.pid);
  if (facts && (!facts->alive || facts->identity != identity)) return dead;
  if (facts && process.valid()) return process;
  // Denied, hidden, or gone meanwhile. A leader that has left its session behind is EINVAL to pidfd_open.
  if (::kill(identity.pid, 0) != 0 && errno == ESRCH) return dead;
  return unknown(facts ? "pidfd_open" : "/proc", identity.pid, error);
}

Status send_signal(const Descriptor& process, int signal) {
  if (pidfd_send_signal(process.get(), signal, nullptr, 0) == 0) return OkStatus();
  if (errno == ESRCH) return absl::NotFoundError("the process is gone");
  return io_error(fmt::format("pidfd_send_signal: {}", std::generic_category().message(errno)));
}

std::vector<ProcessIdentity> processes_running(std::string_view program_name, std::string_view argument) {
  std::vector<ProcessIdentity> found;
  for (const pid_t pid : all_processes()) {
    const std::optional<ProcessFacts> facts = process_facts(pid);
    const std::optional<std::string> arguments = process_file(pid, "cmdline");
    if (!facts || !facts->alive || !arguments) continue;
    const std::string_view text = *arguments;  // each ends in a zero byte
    const std::string_view program = text.substr(0, text.find('\0'));
    if (program.substr(program.rfind('/') + 1) != program_name) continue;
    if (text.substr(std::min(program.size() + 1, text.size())) == std::string(argument) + '\0') {
      found.push_back(facts->identity);
    }
  }
  return found;
}

int kill_session(pid_t session, pid_t spared) {
  CHECK(session > 1, "session {}", session);
  std::vector<ProcessIdentity> members;
  for (const pid_t pid : all_processes()) {
    const std::optional<ProcessFacts> facts = process_facts(pid);
    if (!facts || !facts->alive || facts->session != session || pid == spared) continue;
    members.insert(pid == session ? members.begin() : members.end(), facts->identity);
  }
  return static_cast<int>(std::count_if(members.begin(), members.end(), still_lives));
}

}  // namespace lockstep
