#include "trainer/loop/plan.h"

#include <cstdint>
#include <span>
#include <string>

#include "storage/base/log.h"
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

std::string measured_model(const std::filesystem::path& stored_job, NetworkOptions options, const proto::Job& job) {
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
  return Network::build(model, options, faults) == nullptr ? "" : model.SerializeAsString();
}

}  // namespace

void adopt_plan(const proto::Model& stored, proto::Model& model) {
  adopt_layers(stored.layer(), *model.mutable_layer());
}

void measure_plan(Communicator& communicator, const std::filesystem::path& stored_job, NetworkOptions options,
                  proto::Job& job) {
  std::string text;
  if (communicator.rank() == 0) text = measured_model(stored_job, options, job);
  std::uint64_t size = text.size();
  communicator.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
  text.resize(size);
  communicator.broadcast(std::as_writable_bytes(std::span(text)), 0);
  if (size > 0) CHECK(job.mutable_model()->ParseFromString(text), "rank 0 sent {} bytes", size);
}

}  // namespace lockstep
