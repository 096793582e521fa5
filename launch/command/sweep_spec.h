// The file of a sweep, as people write it.
#pragma once

#include <filesystem>
#include <string>

#include "proto/sweep.pb.h"
#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// What the coordinator gets, and where in which file each of its fields was given.
struct SweepFile {
  std::string file;
  proto::SweepSpec spec;
  Faults faults;  // none, with the lines of all files
};

// Reads the spec, puts the job of `job_file` under its `job`, and makes the path of the data absolute. `job_file` lies
// beside the spec or below the current directory. A model file lies beside the file that names it, or likewise; its
// content takes its place, also where a choice names it. A model that the spec or a choice names takes the place of the
// job's whole model. Errors: bad_configuration with every fault of the texts.
StatusOr<SweepFile> read_sweep_file(const std::filesystem::path& path);

// The faults of the spec that `status` carries (kFaultsPayload), which were found without the files, with file and
// line; any other status as it is.
Status locate_faults(const SweepFile& file, const Status& status);

}  // namespace lockstep
