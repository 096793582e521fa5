#include "trainer/loop/training_state.h"

#include <algorithm>
#include <functional>

#include "trainer/loop/past_evaluations.h"

namespace lockstep {
namespace {

// Calls visit(path, tensor, array, is plain) for all tensors of a training, in checkpoint order.
using Visit =
    std::function<void(const std::string& path, const TensorInfo& tensor, std::span<float> array, bool plain)>;
void for_each_tensor(Network& network, Optimizer* optimizer, const Visit& visit) {
  for (const TensorInfo& tensor : network.parameters()) {
    visit("parameters/" + tensor.name, tensor, network.parameter_values(), false);
  }
  for (const TensorInfo& tensor : network.buffers()) {
    visit("buffers/" + tensor.name, tensor, network.buffer_values(), true);
  }
  if (optimizer == nullptr) return;
  for (const OptimizerSlot& slot : optimizer->slots()) {
    for (const TensorInfo& tensor : network.parameters()) {
      visit(fmt::format("optimizer/{}/{}", slot.name, tensor.name), tensor, slot.values, false);
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
  for_each_tensor(network, &optimizer,
                  [&](const std::string& path, const TensorInfo& tensor, std::span<float> array, bool plain) {
                    CheckpointTensor copy{.path = path, .shape = tensor.shape, .values = {}};
                    copy.values.resize(static_cast<std::size_t>(plain_elements(tensor)));
                    if (plain) {
                      const auto part = array.subspan(tensor.offset, copy.values.size());
                      std::copy(part.begin(), part.end(), copy.values.begin());
                    } else {
                      network.to_plain(tensor, array, copy.values);
                    }
                    checkpoint.tensors.push_back(std::move(copy));
                  });
  return checkpoint;
}

Status check_checkpoint(const RunFacts& run, Network& network, Optimizer& optimizer) {
  Checkpoint small = without_tensors(run, {});
  std::size_t bytes = 0;
  for_each_tensor(network, &optimizer, [&](const std::string& path, const TensorInfo& tensor, std::span<float>, bool) {
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
  for_each_tensor(network, optimizer,
                  [&](const std::string& path, const TensorInfo& tensor, std::span<float> array, bool plain) {
                    places_[path] = {&tensor, array, plain};
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
  } else if (place.plain) {
    std::copy(values.begin(), values.end(), place.array.begin() + static_cast<std::ptrdiff_t>(place.tensor->offset));
  } else {
    network_.from_plain(*place.tensor, values, place.array);
  }
}

Status Restoration::finish() {
  for (const auto& [path, place] : places_) faults_ += fmt::format("\n  {}: missing", path);
  network_.parameters_changed();
  if (!faults_.empty()) return bad_data("the checkpoint does not fit the network:" + faults_);
  return OkStatus();
}

}  // namespace lockstep
