// From a job file to a checked job.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/base/text_proto.h"
#include "storage/dataset/dataset.h"

namespace lockstep {

// A job as it was given, and what is wrong with it so far. The faults keep the line of each field.
struct JobDraft {
  std::string file;
  proto::Job job;
  Faults faults;
};

// Reads the file, applies `path=value` overrides in order (set_all_by_path), fills defaults, and checks everything that
// needs no data.
// What is wrong with the content goes to draft.faults. Errors: bad_configuration (missing or unreadable file).
StatusOr<JobDraft> read_job(const std::filesystem::path& path, const std::vector<std::string>& overrides);

// The same from text, for a checkpoint's job.
JobDraft parse_job(std::string_view text, std::string_view file);

// Of a job that the coordinator wrote: one that is not there is not a fault of the job. Errors: io_error.
Status written_job_is_there(const std::filesystem::path& path);

// Adds the faults that show once the data and the number of ranks are known.
void check_job(const DatasetInfo& train, int ranks, JobDraft& draft);

// The resolved job as text proto.
std::string job_text(const proto::Job& job);
// A part of it.
std::string model_text(const proto::Model& model);

}  // namespace lockstep
