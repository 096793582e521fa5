#include "launch/command/sweep_spec.h"

#include <string>

#include "proto/error.pb.h"
#include "storage/base/model_file.h"

namespace lockstep {
namespace fs = std::filesystem;

StatusOr<SweepFile> read_sweep_file(const fs::path& path) {
  SweepFile read{.spec = {}, .path = path, .lines = {}, .job_path = {}, .job_lines = {}};
  proto::SweepSpec& spec = read.spec;
  RETURN_IF_ERROR(read_text_proto(path, spec, read.lines));
  RETURN_IF_ERROR(read.lines.status(path.string()));
  std::error_code error;
  fs::path job_directory = path.parent_path();
  if (spec.has_job_file()) {
    const fs::path beside = path.parent_path() / spec.job_file();
    read.job_path = fs::exists(beside, error) ? beside : fs::path(spec.job_file());
    proto::Job job;
    RETURN_IF_ERROR(read_text_proto(read.job_path, job, read.job_lines));
    RETURN_IF_ERROR(read.job_lines.status(read.job_path.string()));
    job_directory = read.job_path.parent_path();
    job.MergeFrom(spec.job());
    *spec.mutable_job() = std::move(job);
    spec.clear_job_file();
  }
  if (spec.job().model().has_file()) {
    Faults faults = read.lines;
    RETURN_IF_ERROR(include_model_file(job_directory, "job.model", *spec.mutable_job()->mutable_model(), faults));
    RETURN_IF_ERROR(faults.status(path.string()));
  }
  if (spec.job().data().has_path()) {
    const fs::path data = fs::absolute(spec.job().data().path()).lexically_normal();
    spec.mutable_job()->mutable_data()->set_path(data.string());
  }
  return read;
}

Status locate_faults(const SweepFile& file, const Status& status) {
  const auto payload = status.GetPayload({kFaultsPayload.data(), kFaultsPayload.size()});
  proto::BadRequest found;
  if (!payload || !found.ParseFromString(std::string(*payload))) return status;
  constexpr std::string_view kJob = "job.";
  Faults of_spec = file.lines;
  Faults of_job = file.job_lines;
  for (const proto::FieldViolation& it : found.field_violations()) {
    const std::string_view field = it.field();
    const std::string_view in_job = field.starts_with(kJob) ? field.substr(kJob.size()) : std::string_view();
    // What the spec gives of the job takes the place of what the file says.
    const bool in_spec = file.lines.known(field).size() >= kJob.size() + file.job_lines.known(in_job).size();
    if (in_job.empty() || file.job_path.empty() || in_spec) {
      of_spec.add(field, it.description());
    } else {
      of_job.add(in_job, it.description());
    }
  }
  std::string text;
  for (const Status& part : {of_spec.status(file.path.string()), of_job.status(file.job_path.string())}) {
    if (!part.ok()) text += fmt::format("{}{}", text.empty() ? "" : "\n", std::string(part.message()));
  }
  Status located = bad_configuration(text);
  located.SetPayload({kFaultsPayload.data(), kFaultsPayload.size()}, *payload);
  return located;
}

}  // namespace lockstep
