#include "launch/command/sweep_spec.h"

#include "storage/base/model_file.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace fs = std::filesystem;

StatusOr<proto::SweepSpec> read_sweep_spec(const fs::path& path) {
  proto::SweepSpec spec;
  Faults faults;
  RETURN_IF_ERROR(read_text_proto(path, spec, faults));
  RETURN_IF_ERROR(faults.status(path.string()));
  std::error_code error;
  fs::path job_directory = path.parent_path();
  if (spec.has_job_file()) {
    const fs::path beside = path.parent_path() / spec.job_file();
    const fs::path file = fs::exists(beside, error) ? beside : fs::path(spec.job_file());
    proto::Job job;
    Faults job_faults;
    RETURN_IF_ERROR(read_text_proto(file, job, job_faults));
    RETURN_IF_ERROR(job_faults.status(file.string()));
    job_directory = file.parent_path();
    job.MergeFrom(spec.job());
    *spec.mutable_job() = std::move(job);
    spec.clear_job_file();
  }
  if (spec.job().model().has_file()) {
    RETURN_IF_ERROR(include_model_file(job_directory, "job.model", *spec.mutable_job()->mutable_model(), faults));
    RETURN_IF_ERROR(faults.status(path.string()));
  }
  if (spec.job().data().has_path()) {
    const fs::path data = fs::absolute(spec.job().data().path()).lexically_normal();
    spec.mutable_job()->mutable_data()->set_path(data.string());
  }
  return spec;
}

}  // namespace lockstep
