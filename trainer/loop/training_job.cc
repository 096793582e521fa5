#include "trainer/loop/training_job.h"

#include <algorithm>

#include <google/protobuf/text_format.h>

#include "storage/base/model_file.h"
#include "storage/task/chosen_by.h"
#include "trainer/loop/augmentation_faults.h"

namespace lockstep {
namespace {

constexpr int kWireRounding = 2;  // of a run that begins

// Present in every resolved job, so that its text says what happens when a part is not given.
void fill_parts(proto::Job& job) {
  if (job.optimizer().kind_case() == proto::Optimizer::KIND_NOT_SET) job.mutable_optimizer()->mutable_sgd();
  if (job.schedule().kind_case() == proto::Schedule::KIND_NOT_SET) job.mutable_schedule()->mutable_constant();
  job.mutable_loss();
  job.mutable_checkpoint();
  job.mutable_execution();
  job.mutable_reporting();
  proto::Data& data = *job.mutable_data();
  if (data.has_hold_out() && !data.hold_out().has_share() && !data.hold_out().has_fold()) {
    data.mutable_hold_out()->set_share(HeldOut().share);
  }
}

std::string text_of(const google::protobuf::Message& message) {
  std::string text;
  CHECK(google::protobuf::TextFormat::PrintToString(message, &text));
  return text;
}

void check_fields(JobDraft& draft) {
  const proto::Job& job = draft.job;
  check_limits(job, draft.faults);
  check_ranges(job.data().augmentation(), draft.faults);
  check_splits(job.data(), draft.faults);
  const proto::Loss& loss = job.loss();
  const bool is_softmax = loss.has_softmax_cross_entropy() || loss.kind_case() == proto::Loss::KIND_NOT_SET;
  if (loss.label_smoothing() > 0 && !is_softmax) {
    draft.faults.add("loss.label_smoothing", "is of softmax cross entropy, and the loss is another one");
  }
  if (job.slices() > 0 && job.batch() % job.slices() != 0) {
    draft.faults.add("slices", fmt::format("expected a divisor of batch ({}), got {}", job.batch(), job.slices()));
  }
}

}  // namespace

StatusOr<JobDraft> read_job(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  JobDraft draft;
  draft.file = path.string();
  RETURN_IF_ERROR(read_text_proto(path, draft.job, draft.faults));
  const auto include = [&] {
    if (!draft.job.has_model()) return OkStatus();
    return include_model_file(path.parent_path(), "model", *draft.job.mutable_model(), draft.faults);
  };
  // Before the assignments, which may be to its layers; or one of them gives another file, or a name of the zoo.
  const bool replaced = std::any_of(overrides.begin(), overrides.end(), [](const std::string& assignment) {
    return assignment.starts_with("model.file=") || assignment.starts_with("model.zoo=") ||
           assignment.starts_with("model=");
  });
  if (replaced) {
    proto::Model& model = *draft.job.mutable_model();
    model.clear_file();
    model.clear_zoo();
    model.clear_layer();
    for (const char* const field : {"model.file", "model.zoo", "model.layer"}) draft.faults.forget_lines(field);
  } else {
    RETURN_IF_ERROR(include());
  }
  set_all_by_path(overrides, draft.job, draft.faults);
  if (replaced) RETURN_IF_ERROR(include());
  fill_parts(draft.job);
  proto::Execution& execution = *draft.job.mutable_execution();
  if (execution.wire() == proto::BF16 && !execution.has_wire_rounding()) execution.set_wire_rounding(kWireRounding);
  check_fields(draft);
  fill_defaults(draft.job);
  return draft;
}

Status written_job_is_there(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return OkStatus();
  return io_error(fmt::format("{}: the job of this attempt is not there", path.string()));
}

JobDraft parse_job(std::string_view text, std::string_view file) {
  JobDraft draft;
  draft.file = file;
  parse_text_proto(text, draft.job, draft.faults);
  fill_parts(draft.job);
  check_fields(draft);
  fill_defaults(draft.job);
  return draft;
}

void check_job(const DatasetInfo& train, int ranks, JobDraft& draft) {
  const proto::Job& job = draft.job;
  if (job.slices() % ranks != 0) {
    draft.faults.add("slices", fmt::format("expected a multiple of the number of ranks ({}), got {}; start another "
                                           "number of ranks, or set slices",
                                           ranks, job.slices()));
  }
  if (job.data().tail() == proto::DROP && train.rows < job.batch()) {
    draft.faults.add("batch", fmt::format("expected at most the number of training rows ({}), got {}; make it smaller, "
                                          "or set data.tail to WRAP",
                                          train.rows, job.batch()));
  }
  check_images(job, train, draft.faults);
}

std::string job_text(const proto::Job& job) {
  return text_of(job);
}

std::string model_text(const proto::Model& model) {
  return text_of(model);
}

}  // namespace lockstep
