// The shim as its parent sees it: started, found again, reaped.
// Threads: any.
#pragma once

#include <filesystem>
#include <string>

#include "coordinator/execute/attempt_directory.h"
#include "coordinator/execute/process_table.h"
#include "storage/base/descriptor.h"
#include "storage/base/status.h"

namespace lockstep {

struct ShimProcess {
  ProcessIdentity identity;
  Descriptor process;  // pidfd: readable when it has ended; not valid: none could be had
};

// Starts `program DIRECTORY` as leader of a new session, with nothing but /dev/null and the attempt's output open, and
// with the signals that it handles blocked, so that none that comes early is lost.
// Errors: io_error when there is no such program, or no process to be had.
StatusOr<ShimProcess> start_shim(const std::filesystem::path& program, const AttemptDirectory& directory);

// If it is a child of this process that has ended, takes it out of the process table. Returns how it ended, in words.
std::string reap(const ProcessIdentity& shim);

}  // namespace lockstep
