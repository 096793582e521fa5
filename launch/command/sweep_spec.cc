#include "launch/command/sweep_spec.h"

#include <utility>

#include <google/protobuf/text_format.h>

#include "proto/error.pb.h"
#include "storage/base/model_file.h"

namespace lockstep {
namespace fs = std::filesystem;

namespace {

// Of the job in a file of its own, below what the spec itself says of it.
Status include_job(const fs::path& directory, SweepFile& it) {
  std::error_code error;
  const fs::path beside = directory / it.spec.job_file();
  const fs::path file = fs::exists(beside, error) ? beside : fs::path(it.spec.job_file());
  proto::Job job;
  Faults faults;
  RETURN_IF_ERROR(read_text_proto(file, job, faults));
  const proto::Model& own = it.spec.job().model();
  if (own.has_zoo() || own.layer_size() > 0) {
    proto::Model& replaced = *job.mutable_model();
    replaced.clear_file();
    replaced.clear_zoo();
    replaced.clear_layer();
    faults.forget_lines("model.layer");
  } else if (job.has_model()) {
    RETURN_IF_ERROR(include_model_file(file.parent_path(), "model", *job.mutable_model(), faults));
  }
  it.faults.include("job", file.string(), faults);
  job.MergeFrom(it.spec.job());
  *it.spec.mutable_job() = std::move(job);
  it.spec.clear_job_file();
  return OkStatus();
}

// An assignment that names another model, as the assignment of what it names.
Status include_model(const fs::path& directory, const proto::Model& base, const std::string& path,
                     std::string& assignment, Faults& faults) {
  const std::string field = assignment.substr(0, assignment.find('='));
  if (field != "model" && field != "model.file" && field != "model.zoo") return OkStatus();
  proto::Job job;
  Faults known;  // to the coordinator, which says what the assignment has
  set_by_path(assignment, job, known);
  if (!known.empty()) return OkStatus();
  proto::Model& model = *job.mutable_model();
  RETURN_IF_ERROR(include_model_file(directory, path, model, faults));
  check_limits(model, faults, path);
  if (field != "model" && base.has_initialization() && !model.has_initialization()) {
    model.set_initialization(base.initialization());
  }
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  CHECK(printer.PrintToString(model, &text));
  assignment = fmt::format("model={{{}}}", text);
  return OkStatus();
}

Status include_models_of_choices(const fs::path& directory, SweepFile& it) {
  for (int i = 0; i < it.spec.parameter_size(); ++i) {
    proto::Parameter& parameter = *it.spec.mutable_parameter(i);
    for (int k = 0; k < parameter.categorical().choice_size(); ++k) {
      proto::Choice& choice = *parameter.mutable_categorical()->mutable_choice(k);
      for (int s = 0; s < choice.set_size(); ++s) {
        const std::string path = fmt::format("parameter[{}].categorical.choice[{}].set[{}]", i, k, s);
        RETURN_IF_ERROR(include_model(directory, it.spec.job().model(), path, *choice.mutable_set(s), it.faults));
      }
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<SweepFile> read_sweep_file(const fs::path& path) {
  SweepFile it{.file = path.string(), .spec = {}, .faults = {}};
  const fs::path directory = path.parent_path();
  RETURN_IF_ERROR(read_text_proto(path, it.spec, it.faults));
  if (it.spec.job().has_model()) {
    RETURN_IF_ERROR(include_model_file(directory, "job.model", *it.spec.mutable_job()->mutable_model(), it.faults));
  }
  if (it.spec.has_job_file()) RETURN_IF_ERROR(include_job(directory, it));
  check_limits(it.spec.job().model(), it.faults, "job.model");
  RETURN_IF_ERROR(include_models_of_choices(directory, it));
  RETURN_IF_ERROR(it.faults.status(it.file));
  if (it.spec.job().data().has_path()) {
    const fs::path data = fs::absolute(it.spec.job().data().path()).lexically_normal();
    it.spec.mutable_job()->mutable_data()->set_path(data.string());
  }
  return it;
}

Status locate_faults(const SweepFile& file, const Status& status) {
  const auto payload = status.GetPayload({kFaultsPayload.data(), kFaultsPayload.size()});
  proto::BadRequest found;
  if (!payload || !found.ParseFromString(std::string(*payload))) return status;
  Faults faults = file.faults;
  for (const proto::FieldViolation& it : found.field_violations()) faults.add(it.field(), it.description());
  return faults.status(file.file);
}

}  // namespace lockstep
