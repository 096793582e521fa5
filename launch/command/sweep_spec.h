// The file of a sweep, as people write it.
#pragma once

#include <filesystem>

#include "proto/sweep.pb.h"
#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// What the coordinator gets, and where in which file each of its fields was given.
struct SweepFile {
  proto::SweepSpec spec;
  std::filesystem::path path;
  Faults lines;
  std::filesystem::path job_path;  // of `job_file`; empty: the spec names none
  Faults job_lines;
};

// Reads the spec, puts the job of `job_file` under its `job`, and makes the path of the data absolute. `job_file` lies
// beside the spec or below the current directory. Errors: bad_configuration with every fault of the text.
StatusOr<SweepFile> read_sweep_file(const std::filesystem::path& path);

// The faults of the spec that `status` carries (kFaultsPayload), which were found without the files, with file and
// line; any other status as it is.
Status locate_faults(const SweepFile& file, const Status& status);

}  // namespace lockstep
