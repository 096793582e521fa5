// The job of a trial, as its trainer reads it.
// Threads: functions are independent.
#pragma once

#include <filesystem>

#include "proto/job.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Of the disk, when a trial is started: for its small files, and the checkpoints of a small network. A trial that finds
// no room fails and uses up its retries, so it is better not started.
inline constexpr std::uintmax_t kLeastFreeMebibytes = 16;

// Writes job.pbtxt into the trial's directory, which is made when it is not there. Not durable: it is written anew at
// each start. Errors: io_error, also when the disk has less free space than that.
Status write_job_file(const proto::Job& job, const std::filesystem::path& directory);

}  // namespace lockstep
