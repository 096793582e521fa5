#include "trainer/loop/plan.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/checkpoint/directory.h"
#include "storage/task/chosen_by.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

using Layers = google::protobuf::RepeatedPtrField<proto::Layer>;

void adopt_layers(const Layers& stored, Layers& layers) {
  if (stored.size() != layers.size()) return;
  for (int i = 0; i < layers.size(); ++i) {
    if (stored[i].kind_case() != layers[i].kind_case()) continue;
    if (layers[i].has_residual()) {
      adopt_layers(stored[i].residual().body(), *layers[i].mutable_residual()->mutable_body());
      adopt_layers(stored[i].residual().shortcut(), *layers[i].mutable_residual()->mutable_shortcut());
    }
    if (!layers[i].has_convolution() || !stored[i].convolution().has_plan()) continue;
    const proto::ConvolutionPlan& from = stored[i].convolution().plan();
    proto::ConvolutionPlan& to = *layers[i].mutable_convolution()->mutable_plan();
    if (to.forward() == proto::AUTOMATIC) to.set_forward(from.forward());
    if (to.data() == proto::AUTOMATIC) to.set_data(from.data());
    if (to.weights() == proto::AUTOMATIC) to.set_weights(from.weights());
  }
}

// From rank 0 to all; an empty text changes nothing.
void share_job(Communicator& communicator, std::string text, proto::Job& job) {
  share_text(communicator, text);
  if (!text.empty()) CHECK(job.ParseFromString(text), "rank 0 sent {} bytes", text.size());
}

std::string measured_job(const std::filesystem::path& stored_job, NetworkOptions options, const proto::Job& job) {
  proto::Model model = job.model();
  std::error_code error;
  if (std::filesystem::exists(stored_job, error)) {
    const StatusOr<JobDraft> stored = read_job(stored_job, {});
    if (stored.ok() && stored->faults.empty()) {
      adopt_plan(stored->job.model(), model);
      log_info("the plan is that of {}", stored_job.string());
    }
  }
  options.plan = PlanChoice::kMeasured;
  Faults faults;
  if (Network::build(model, options, faults) == nullptr) return "";
  proto::Job measured = job;
  *measured.mutable_model() = std::move(model);
  return measured.SerializeAsString();
}

}  // namespace

void adopt_plan(const proto::Model& stored, proto::Model& model) {
  adopt_layers(stored.layer(), *model.mutable_layer());
}

std::optional<proto::Job> stored_job(const std::filesystem::path& run) {
  const StatusOr<std::vector<CheckpointFile>> files = list_checkpoints(run / "checkpoints");
  if (!files.ok() || files->empty()) return std::nullopt;
  constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  if (const StatusOr<std::string> text = read_file(run / "job.pbtxt", kMostBytes); text.ok()) {
    const JobDraft draft = parse_job(*text, "job.pbtxt");
    if (draft.faults.empty()) return draft.job;
  }
  const StatusOr<FoundCheckpoint> found =
      newest_good_checkpoint(run / "checkpoints", [](const std::filesystem::path&, const Status&) {});
  if (!found.ok()) return std::nullopt;
  const JobDraft draft = parse_job(found->checkpoint.job, found->path.string());
  return draft.faults.empty() ? std::optional(draft.job) : std::nullopt;
}

void adopt_stored_choices(Communicator& communicator, const std::optional<proto::Job>& stored, proto::Job& job) {
  std::string text;
  if (communicator.rank() == 0 && stored) {
    proto::Job mine = job;
    adopt_plan(stored->model(), *mine.mutable_model());
    proto::Execution& execution = *mine.mutable_execution();
    execution.clear_wire_rounding();
    if (stored->execution().has_wire_rounding()) execution.set_wire_rounding(stored->execution().wire_rounding());
    text = mine.SerializeAsString();
  }
  share_job(communicator, std::move(text), job);
}

void adopt_stored_splits(Communicator& communicator, const std::optional<proto::Job>& stored, proto::Job& job) {
  if (job.data().has_validation()) return;
  std::string text;
  if (communicator.rank() == 0) {
    proto::Job mine = job;
    proto::Data& data = *mine.mutable_data();
    if (!stored) name_validation(data);
    if (stored && stored->data().has_validation()) data.set_validation(stored->data().validation());
    text = mine.SerializeAsString();
  }
  share_job(communicator, std::move(text), job);
}

void measure_plan(Communicator& communicator, const std::filesystem::path& stored_job, NetworkOptions options,
                  proto::Job& job) {
  std::string text;
  if (communicator.rank() == 0) text = measured_job(stored_job, options, job);
  share_job(communicator, std::move(text), job);
}

}  // namespace lockstep
