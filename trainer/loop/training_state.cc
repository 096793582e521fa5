#include "trainer/loop/training_state.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

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

}  // namespace

Checkpoint capture(const RunFacts& run, const Position& position, Network& network, Optimizer& optimizer) {
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

Status restore(const Checkpoint& checkpoint, Network& network, Optimizer* optimizer) {
  std::map<std::string, const CheckpointTensor*> found;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    if (optimizer != nullptr || !tensor.path.starts_with("optimizer/")) found[tensor.path] = &tensor;
  }
  std::string faults;
  for_each_tensor(network, optimizer,
                  [&](const std::string& path, const TensorInfo& tensor, std::span<float> array, bool plain) {
                    const auto at = found.find(path);
                    if (at == found.end()) {
                      faults += fmt::format("\n  {}: missing", path);
                      return;
                    }
                    const CheckpointTensor& stored = *at->second;
                    found.erase(at);
                    if (stored.shape != tensor.shape) {
                      faults += fmt::format("\n  {}: expected shape ({}), got ({})", path,
                                            fmt::join(tensor.shape, ", "), fmt::join(stored.shape, ", "));
                    } else if (plain) {
                      std::copy(stored.values.begin(), stored.values.end(),
                                array.begin() + static_cast<std::ptrdiff_t>(tensor.offset));
                    } else {
                      network.from_plain(tensor, stored.values, array);
                    }
                  });
  for (const auto& [path, tensor] : found) faults += fmt::format("\n  {}: not in this network", path);
  network.parameters_changed();
  if (!faults.empty()) return bad_data("the checkpoint does not fit the network:" + faults);
  return OkStatus();
}

}  // namespace lockstep
