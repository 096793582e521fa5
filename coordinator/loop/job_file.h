// The job of a trial, as its trainer reads it.
// Threads: functions are independent.
#pragma once

#include <filesystem>

#include "proto/job.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Writes job.pbtxt into the trial's directory, which is made when it is not there. Not durable: it is written anew at
// each start. Errors: io_error.
Status write_job_file(const proto::Job& job, const std::filesystem::path& directory);

}  // namespace lockstep
