#include "trainer/loop/training_state.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "trainer/loop/past_evaluations.h"

namespace lockstep {
namespace {

constexpr std::string_view kAverage = "average/";

// Calls visit(path, tensor, array) for all tensors of a training, in checkpoint order.
using Visit = std::function<void(const std::string& path, const TensorInfo& tensor, std::span<float> array)>;
void for_each_tensor(const TrainingArrays& arrays, const Visit& visit) {
  const Network& network = arrays.network;
  const auto visit_all = [&](std::string_view group, std::span<const TensorInfo> tensors, std::span<float> array) {
    for (const TensorInfo& tensor : tensors) {
      visit(fmt::format("{}{}/{}", group, tensor.is_statistic ? "buffers" : "parameters", tensor.name), tensor, array);
    }
  };
  visit_all("", network.parameters(), arrays.network.parameter_values());
  visit_all("", network.frozen(), arrays.network.frozen_values());
  visit_all("", network.buffers(), arrays.network.buffer_values());
  if (arrays.optimizer == nullptr) return;
  for (const OptimizerSlot& slot : arrays.optimizer->slots()) {
    for (const TensorInfo& tensor : network.parameters()) {
      visit(fmt::format("optimizer/{}/{}", slot.name, tensor.name), tensor, slot.values);
    }
  }
  if (arrays.average == nullptr) return;
  visit_all(kAverage, network.parameters(), arrays.average->values());
  visit_all(kAverage, network.buffers(), arrays.average->buffers());
}

Checkpoint without_tensors(const RunFacts& run, const Position& position) {
  Checkpoint checkpoint;
  checkpoint.job = run.job;
  checkpoint.step = position.step;
  checkpoint.epoch = position.epoch;
  checkpoint.model = run.model;
  const double accuracy = metric_value(position.metrics(), "accuracy");
  if (!std::isnan(accuracy)) checkpoint.accuracy = accuracy;
  checkpoint.evaluations = to_checkpoint(position.evaluations);
  if (position.tested()) checkpoint.final_test = to_checkpoint(*position.final_test);
  checkpoint.target = run.dataset.target;
  checkpoint.units = run.dataset.units;
  checkpoint.target_mean = run.dataset.target_mean;
  checkpoint.target_deviation = run.dataset.target_deviation;
  checkpoint.class_names = run.dataset.class_names;
  checkpoint.dataset_fingerprint = run.dataset.fingerprint;
  checkpoint.facts = run.facts;
  checkpoint.image_shape = {run.dataset.image.channels, run.dataset.image.height, run.dataset.image.width};
  checkpoint.mean = run.dataset.mean;
  checkpoint.deviation = run.dataset.deviation;
  return checkpoint;
}

}  // namespace

Checkpoint capture(const RunFacts& run, const Position& position, const TrainingArrays& arrays) {
  Checkpoint checkpoint = without_tensors(run, position);
  for_each_tensor(arrays, [&](const std::string& path, const TensorInfo& tensor, std::span<float> array) {
    CheckpointTensor copy{.path = path, .shape = tensor.shape, .values = {}};
    copy.values.resize(static_cast<std::size_t>(plain_elements(tensor)));
    arrays.network.to_plain(tensor, array, copy.values);
    checkpoint.tensors.push_back(std::move(copy));
  });
  return checkpoint;
}

bool take_average(std::vector<CheckpointTensor>& tensors) {
  std::set<std::string, std::less<>> averaged;
  for (const CheckpointTensor& tensor : tensors) {
    if (tensor.path.starts_with(kAverage)) averaged.insert(tensor.path.substr(kAverage.size()));
  }
  std::erase_if(tensors, [&](const CheckpointTensor& tensor) { return averaged.contains(tensor.path); });
  for (CheckpointTensor& tensor : tensors) {
    if (tensor.path.starts_with(kAverage)) tensor.path.erase(0, kAverage.size());
  }
  return !averaged.empty();
}

Status check_checkpoint(const RunFacts& run, const TrainingArrays& arrays) {
  Checkpoint small = without_tensors(run, {});
  std::size_t bytes = 0;
  for_each_tensor(arrays, [&](const std::string& path, const TensorInfo& tensor, std::span<float>) {
    bytes += static_cast<std::size_t>(plain_elements(tensor)) * sizeof(float);
    small.tensors.push_back({.path = path, .shape = {1}, .values = {0}});
  });
  Status status =
      bytes < kCheckpointLimitBytes
          ? encode_checkpoint(small).status()
          : bad_data(fmt::format("expected less than {} bytes in a checkpoint, got {}", kCheckpointLimitBytes, bytes));
  if (status.ok()) return status;
  return bad_configuration(fmt::format("no checkpoint of this training could be written: {}; use a smaller network",
                                       std::string(status.message())));
}

Restoration::Restoration(const TrainingArrays& arrays)
    : network_(arrays.network), goes_on_(arrays.optimizer != nullptr) {
  for_each_tensor(arrays, [&](const std::string& path, const TensorInfo& tensor, std::span<float> array) {
    places_[path] = {&tensor, array};
  });
}

bool Restoration::wants(std::string_view path) const {
  return goes_on_ || !(path.starts_with("optimizer/") || path.starts_with(kAverage));
}

void Restoration::put(const std::string& path, const std::vector<std::int64_t>& shape, std::span<const float> values) {
  const auto found = places_.find(path);
  if (found == places_.end()) {
    faults_ += fmt::format("\n  {}: not in this network", path);
    return;
  }
  const Place place = found->second;
  places_.erase(found);
  if (shape != place.tensor->shape) {
    faults_ += fmt::format("\n  {}: expected shape ({}), got ({})", path, fmt::join(place.tensor->shape, ", "),
                           fmt::join(shape, ", "));
  } else {
    network_.from_plain(*place.tensor, values, place.array);
  }
}

Status Restoration::finish() {
  for (const auto& [path, place] : places_) faults_ += fmt::format("\n  {}: missing", path);
  network_.parameters_changed();
  network_.frozen_changed();
  if (!faults_.empty()) return bad_data("the checkpoint does not fit the network:" + faults_);
  return OkStatus();
}

}  // namespace lockstep
