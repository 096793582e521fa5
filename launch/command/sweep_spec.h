// The file of a sweep, as people write it.
#pragma once

#include <filesystem>

#include "proto/sweep.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Reads the spec, puts the job of `job_file` under its `job`, and makes the path of the data absolute. `job_file` lies
// beside the spec or below the current directory. Errors: bad_configuration with every fault of the text.
StatusOr<proto::SweepSpec> read_sweep_spec(const std::filesystem::path& path);

}  // namespace lockstep
