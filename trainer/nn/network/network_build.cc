#include <algorithm>
#include <map>
#include <utility>

#include "trainer/nn/kernels/thread_team.h"
#include "trainer/nn/network/build_nodes.h"
#include "trainer/nn/network/initialization.h"
#include "trainer/nn/network/network_state.h"

namespace lockstep {

std::unique_ptr<Network> Network::build(proto::Model& model, const NetworkOptions& options, Faults& faults) {
  CHECK(options.image.elements() > 0 && options.classes > 0 && options.slice_rows > 0 && options.threads > 0,
        "{} x {} x {}, {} classes, {} rows, {} threads", options.image.channels, options.image.height,
        options.image.width, options.classes, options.slice_rows, options.threads);
  if (const std::string why_not = take_threads(options.threads); !why_not.empty()) {
    faults.add("execution.threads_per_rank", why_not);
    return nullptr;
  }
  auto state = std::make_unique<State>(options, faults);
  if (!state->build(model)) return nullptr;
  return std::unique_ptr<Network>(new Network(std::move(state)));
}

bool Network::State::build(proto::Model& model) {
  outputs = build_nodes(builder, lower(model, builder));
  if (!check(model)) return false;
  program = builder.take_program();
  summary = builder.take_summary();
  note_lifetimes();
  note_watermarks();
  memory.arrange(options.share_memory);
  if (!is_admitted()) return false;
  if (!options.runs) return true;
  values = MovableArray(builder.parameters().elements());
  frozen = MovableArray(builder.frozen().elements());
  buffers = AlignedArray(builder.buffers().elements());
  memory.allocate();
  point_to_values();
  memory.point(Arena::kBuffers, buffers.data());
  initialize(model.initialization());
  run(program.refresh, {});
  run(program.refresh_frozen, {});
  return true;
}

void Network::State::note_lifetimes() {
  const auto note = [&](const std::vector<Step>& steps, Sequence sequence, int time) {
    for (const Step& step : steps) {
      for (const Slot slot : step.slots) memory.use(slot, sequence, time);
      ++time;
    }
    memory.use(outputs[0].values, sequence, time);
    return time;
  };
  const int loss = note(program.forward, Sequence::kTraining, 0);
  for (const Activation& output : outputs) {
    memory.use(output.values, Sequence::kTraining, loss);
    if (output.wants_gradient()) memory.use(output.gradient, Sequence::kTraining, loss);
  }
  const int trained = note(program.backward, Sequence::kTraining, loss + 1);
  const int evaluated = note(program.evaluate, Sequence::kEvaluation, 0);
  for (const auto& [name, value] : builder.kept()) {
    memory.use(value.values, Sequence::kTraining, trained);
    memory.use(value.values, Sequence::kEvaluation, evaluated);
  }
  for (const std::vector<Step>* const steps : {&program.refresh, &program.refresh_frozen}) {
    for (const Step& step : *steps) {
      for (const Slot slot : step.slots) memory.keep(slot);
    }
  }
}

void Network::State::note_watermarks() {
  std::map<std::size_t, bool> is_put;  // by offset of the parameter
  for (const TensorInfo& tensor : builder.parameters().tensors) is_put[tensor.offset] = false;
  for (const Step& step : program.backward) {
    for (const std::size_t offset : step.gradients) is_put[offset] = true;
    std::size_t watermark = builder.parameters().elements();
    for (auto it = is_put.rbegin(); it != is_put.rend() && it->second; ++it) watermark = it->first;
    watermarks.push_back(watermark);
  }
  CHECK(is_put.empty() || watermarks.back() == 0, "a gradient is never made");
}

void Network::State::check_output(const Activation& output, std::string path, std::string_view which) {
  const Shape& shape = output.shape;
  const TargetKind target = target_of(options.loss.kind);
  if (target == TargetKind::kMask) return check_mask_output(output, std::move(path), which);
  if (shape.values() == options.classes) return;
  builder.begin_layer(std::move(path), "");
  builder.fault(
      "", fmt::format("{} must give one value a {}: expected {} values a row, got {} ({}); end with dense "
                      "{{ units: {} }}",
                      which, target_noun(target), options.classes, shape.values(), shape.text(), options.classes));
}

void Network::State::check_mask_output(const Activation& output, std::string path, std::string_view which) {
  const Shape& shape = output.shape;
  const ImageShape& image = options.image;
  if (!shape.flat && shape.channels == options.classes && shape.height == image.height && shape.width == image.width) {
    return;
  }
  builder.begin_layer(std::move(path), "");
  builder.fault("",
                fmt::format("{} must give one value a class for each pixel: expected {} x {} x {}, got {}; end with "
                            "convolution {{ filters: {} kernel: 1 }} at the size of the image",
                            which, options.classes, image.height, image.width, shape.text(), options.classes));
}

bool Network::State::check(const proto::Model& model) {
  if (model.layer().empty()) {
    builder.begin_layer("model", "");
    builder.fault(".layer", "expected at least one layer, got none");
    return false;
  }
  if (builder.parameters().tensors.empty() && !builder.frozen().tensors.empty()) {
    builder.begin_layer("parameters", "");
    builder.fault("", "all parameters are frozen: nothing is left to train");
  }
  for (const std::string& name : options.kept) {
    if (builder.kept().contains(name)) continue;
    builder.begin_layer("model", "");
    builder.fault(".layer", fmt::format("no layer is called {}, of which the values are to be kept", name));
  }
  check_output(outputs[0], fmt::format("model.layer[{}]", model.layer_size() - 1), "the last layer");
  for (std::size_t i = 1; outputs.size() == options.auxiliary.size() + 1 && i < outputs.size(); ++i) {
    check_output(outputs[i], auxiliary_path(i - 1) + ".layer", options.auxiliary[i - 1].layer);
  }
  return !builder.faulty();
}

NetworkSizes Network::State::sizes() const {
  const std::size_t parameter_elements = builder.parameters().elements();
  const std::size_t buffer_elements = builder.buffers().elements();
  return {.own_bytes = (memory.elements() + buffer_elements) * sizeof(float),
          .parameter_elements = parameter_elements,
          .frozen_elements = builder.frozen().elements(),
          .gradient_elements = parameter_elements + buffer_elements};
}

bool Network::State::is_admitted() {
  const std::string why_not = options.admit ? options.admit(sizes()) : "";
  if (!why_not.empty()) {
    builder.begin_layer("model", "");
    builder.fault("", why_not);
  }
  return !builder.faulty();
}

void Network::State::initialize(proto::Initialization kind) {
  initialize(kind, builder.parameters(), values.span());
  initialize(kind, builder.frozen(), frozen.span());
  initialize(kind, builder.buffers(), buffers.span());
}

void Network::State::initialize(proto::Initialization kind, const TensorList& list, std::span<float> arena) const {
  std::vector<float> plain;
  for (std::size_t i = 0; i < list.tensors.size(); ++i) {
    const TensorInfo& tensor = list.tensors[i];
    plain.assign(std::size_t(plain_elements(tensor)), list.initials[i]);
    if (tensor.is_weights) initialize_weights(kind, options.seed, tensor, plain);
    from_plain(tensor, plain, arena);
  }
}

void Network::State::point_to_values() {
  memory.point(Arena::kValues, values.span().data());
  memory.point(Arena::kFrozen, frozen.span().data());
}

}  // namespace lockstep
