#include "trainer/loop/training_state.h"

#include <algorithm>
#include <functional>

#include "trainer/loop/past_evaluations.h"

namespace lockstep {
namespace {

// Calls visit(path, tensor, array) for all tensors of a training, in checkpoint order.
using Visit = std::function<void(const std::string& path, const TensorInfo& tensor, std::span<float> array)>;
void for_each_tensor(Network& network, Optimizer* optimizer, const Visit& visit) {
  const auto visit_all = [&](std::span<const TensorInfo> tensors, std::span<float> array) {
    for (const TensorInfo& tensor : tensors) {
      visit((tensor.is_statistic ? "buffers/" : "parameters/") + tensor.name, tensor, array);
    }
  };
  visit_all(network.parameters(), network.parameter_values());
  visit_all(network.frozen(), network.frozen_values());
  visit_all(network.buffers(), network.buffer_values());
  if (optimizer == nullptr) return;
  for (const OptimizerSlot& slot : optimizer->slots()) {
    for (const TensorInfo& tensor : network.parameters()) {
      visit(fmt::format("optimizer/{}/{}", slot.name, tensor.name), tensor, slot.values);
    }
  }
}

Checkpoint without_tensors(const RunFacts& run, const Position& position) {
  Checkpoint checkpoint;
  checkpoint.job = run.job;
  checkpoint.step = position.step;
  checkpoint.epoch = position.epoch;
  checkpoint.accuracy = position.accuracy();
  checkpoint.evaluations = to_checkpoint(position.evaluations);
  checkpoint.class_names = run.dataset.class_names;
  checkpoint.dataset_fingerprint = run.dataset.fingerprint;
  checkpoint.facts = run.facts;
  checkpoint.image_shape = {run.dataset.image.channels, run.dataset.image.height, run.dataset.image.width};
  checkpoint.mean = run.dataset.mean;
  checkpoint.deviation = run.dataset.deviation;
  return checkpoint;
}

}  // namespace

Checkpoint capture(const RunFacts& run, const Position& position, Network& network, Optimizer& optimizer) {
  Checkpoint checkpoint = without_tensors(run, position);
  for_each_tensor(network, &optimizer, [&](const std::string& path, const TensorInfo& tensor, std::span<float> array) {
    CheckpointTensor copy{.path = path, .shape = tensor.shape, .values = {}};
    copy.values.resize(static_cast<std::size_t>(plain_elements(tensor)));
    network.to_plain(tensor, array, copy.values);
    checkpoint.tensors.push_back(std::move(copy));
  });
  return checkpoint;
}

Status check_checkpoint(const RunFacts& run, Network& network, Optimizer& optimizer) {
  Checkpoint small = without_tensors(run, {});
  std::size_t bytes = 0;
  for_each_tensor(network, &optimizer, [&](const std::string& path, const TensorInfo& tensor, std::span<float>) {
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

Restoration::Restoration(Network& network, Optimizer* optimizer)
    : network_(network), with_optimizer_(optimizer != nullptr) {
  for_each_tensor(network, optimizer, [&](const std::string& path, const TensorInfo& tensor, std::span<float> array) {
    places_[path] = {&tensor, array};
  });
}

bool Restoration::wants(std::string_view path) const {
  return with_optimizer_ || !path.starts_with("optimizer/");
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
