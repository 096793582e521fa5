// What /proc tells of processes, and signals that cannot reach the wrong one: a process is known by its number and the
// time at which it started, since numbers are used again, and is signalled through a pidfd that was opened before both
// were compared. A zombie counts as dead.
// Threads: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "storage/base/descriptor.h"
#include "storage/base/status.h"

namespace lockstep {

// The same only within one boot.
struct ProcessIdentity {
  pid_t pid = 0;                 // 0: no process
  std::int64_t start_ticks = 0;  // clock ticks since boot

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

struct ProcessFacts {
  ProcessIdentity identity;
  pid_t session = 0;
  bool alive = false;  // false: a zombie of which no thread is left
};

// The line of /proc/PID/stat; nothing when it is not one.
std::optional<ProcessFacts> parse_process_stat(std::string_view line);

// Nothing when there is no such process, not even a zombie.
std::optional<ProcessFacts> process_facts(pid_t pid);

// Of this boot of the machine, from /proc/sys/kernel/random/boot_id; CHECKs that there is one.
const std::string& boot_id();

// A pidfd of exactly this process. Errors: kNotFound when it is dead; kUnavailable when that cannot be told, because a
// call is denied or a limit is reached: it may live.
StatusOr<Descriptor> open_process(const ProcessIdentity& identity);

// Sends a signal through a pidfd. Errors: kNotFound when the process is gone; kUnavailable when it may live and was not
// sent the signal.
Status send_signal(const Descriptor& process, int signal);

// The live processes whose arguments are exactly a program with this file name and `argument`.
std::vector<ProcessIdentity> processes_running(std::string_view program_name, std::string_view argument);

// Sends SIGKILL to every live process of the session, the leader first, except to `spared` (0: none). Returns how many
// lived, be it that the signal was denied; none: the session is gone, for good if `spared` is 0. It takes time until a
// killed process is gone: call again. Requires: session > 1.
int kill_session(pid_t session, pid_t spared);

}  // namespace lockstep
