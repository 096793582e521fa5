#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

#include "trainer/nn/kernels/reorder.h"
#include "trainer/nn/network/network_state.h"
#include "trainer/tensor/flush_to_zero.h"

namespace lockstep {

std::vector<float> Network::kept_values(std::string_view layer) const {
  const auto found = state_->builder.kept().find(layer);
  CHECK(found != state_->builder.kept().end(), "{} is not kept", layer);
  const Activation& value = found->second;
  std::vector<float> plain(std::size_t(state_->options.slice_rows) * std::size_t(value.shape.values()));
  reorder_once(value.layout, state_->memory.data(value.values), onednn::plain(onednn::dims_of(value.layout)),
               plain.data());
  return plain;
}

std::vector<StepTime> Network::step_times() const {
  std::vector<StepTime> times;
  for (const std::vector<Step>* const steps :
       {&state_->program.forward, &state_->program.backward, &state_->program.refresh}) {
    for (const Step& step : *steps) {
      times.push_back({.layer = step.layer,
                       .pass = steps == &state_->program.refresh ? "refresh" : step.pass,
                       .kernel = step.kernel,
                       .is_slow = step.is_slow,
                       .layout = step.layout,
                       .flops = step.flops,
                       .runs = step.runs,
                       .seconds = step.seconds});
    }
  }
  return times;
}

void Network::clear_step_times() {
  for (std::vector<Step>* const steps :
       {&state_->program.forward, &state_->program.backward, &state_->program.evaluate, &state_->program.refresh}) {
    for (Step& step : *steps) {
      step.runs = 0;
      step.seconds = 0;
    }
  }
}

void Network::State::point_to_images(const Slice& slice) {
  const std::size_t expected = std::size_t(options.slice_rows) * options.image.elements();
  CHECK(slice.images.size() == expected, "{} pixels, expected {}", slice.images.size(), expected);
  const std::size_t wanted = std::size_t(options.slice_rows) * options.loss.target_values();
  CHECK(slice.targets.size() == wanted, "{} values, expected {}", slice.targets.size(), wanted);
  // oneDNN takes no constant pointers; no step writes there.
  memory.point(Arena::kInput, const_cast<float*>(slice.images.data()));
}

void Network::State::point_to_gradients(const SumTarget& gradients) {
  const std::size_t expected = sizes().gradient_elements;
  CHECK(gradients.elements >= expected, "{} elements, expected {}", gradients.elements, expected);
  if (gradients.add) return;
  float* const array = gradients.arrays[0];
  CHECK(reinterpret_cast<std::uintptr_t>(array) % 64 == 0, "gradients are not on a 64-byte boundary");
  memory.point(Arena::kGradients, array);
}

SliceResult Network::train_slice(const Slice& slice, float loss_scale, float statistics_scale,
                                 const SumTarget& gradients, const FinalFrom& final_from) {
  const FlushToZero flush;
  state_->point_to_images(slice);
  state_->point_to_gradients(gradients);
  if (!gradients.add) state_->zero_unwritten(gradients.arrays[0]);
  const Pass pass = {slice.rows, slice.epoch, statistics_scale, gradients};
  state_->run(state_->program.forward, pass);
  const SliceResult result = state_->run_loss(slice, loss_scale);
  for (std::size_t i = 0; i < state_->program.backward.size(); ++i) {
    state_->run(state_->program.backward[i], pass);
    if (final_from) final_from(state_->watermarks[i]);
  }
  return result;
}

// Of the last layer, with what auxiliary losses add to it; and the gradients of all outputs.
SliceResult Network::State::run_loss(const Slice& slice, float loss_scale) const {
  SliceResult result;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const float weight = i == 0 ? 1 : options.auxiliary[i - 1].weight;
    std::span<float> gradient;
    if (outputs[i].wants_gradient()) gradient = {memory.data(outputs[i].gradient), logits_elements()};
    const SliceResult one =
        sum_of_losses(options.loss, logits(i), slice.targets, weight * loss_scale, gradient, slice.blended);
    if (i == 0) {
      result = one;
    } else {
      result.loss_sum += weight * one.loss_sum;
      result.finite = result.finite && one.finite;
    }
  }
  return result;
}

// What no kernel writes: the rest of each tensor's last cache line.
void Network::State::zero_unwritten(float* gradients) const {
  const TensorList& trained = builder.parameters();
  for (std::size_t i = 0; i < trained.tensors.size(); ++i) {
    const TensorInfo& tensor = trained.tensors[i];
    const std::size_t written = onednn::elements_of(trained.layouts[i]);
    std::fill_n(gradients + tensor.offset + written, tensor.elements - written, 0.f);
  }
  for (const TensorInfo& tensor : builder.buffers().tensors) {
    const std::size_t written = std::size_t(plain_elements(tensor));
    std::fill_n(gradients + values.span().size() + tensor.offset + written, tensor.elements - written, 0.f);
  }
}

void Network::update_buffers(std::span<const float> gradients) {
  CHECK(gradients.size() == gradient_elements());
  const std::span<const float> statistics = gradients.subspan(state_->values.span().size());
  for (std::size_t i = 0; i < buffers().size(); ++i) {
    const TensorInfo& tensor = buffers()[i];
    const float momentum = state_->builder.buffer_momenta()[i];
    for (std::size_t j = tensor.offset; j < tensor.offset + tensor.elements; ++j) {
      float& average = state_->buffers.data()[j];
      average = std::fma(1 - momentum, average, momentum * statistics[j]);
    }
  }
}

SliceResult Network::evaluate_slice(const Slice& slice, int valid_rows) {
  CHECK(valid_rows >= 0 && valid_rows <= state_->options.slice_rows, "{} rows", valid_rows);
  const FlushToZero flush;
  state_->point_to_images(slice);
  state_->run(state_->program.evaluate, {slice.rows, slice.epoch, 1, {}});
  const std::size_t rows = std::size_t(valid_rows);
  const LossOptions& loss = state_->options.loss;
  return sum_of_losses(loss, logits().first(rows * loss.output_values()),
                       slice.targets.first(rows * loss.target_values()), 1, {});
}

const onednn::Descriptor& Network::State::layout_of(const TensorInfo& tensor) const {
  for (const TensorList* const list : {&builder.parameters(), &builder.frozen(), &builder.buffers()}) {
    const auto found = std::find_if(list->tensors.begin(), list->tensors.end(),
                                    [&](const TensorInfo& known) { return known.name == tensor.name; });
    if (found != list->tensors.end()) return list->layouts[std::size_t(found - list->tensors.begin())];
  }
  CHECK(false, "no tensor is called {}", tensor.name);
  return builder.parameters().layouts[0];
}

void Network::State::to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const {
  CHECK(arena.size() >= tensor.offset + tensor.elements && std::int64_t(plain.size()) == plain_elements(tensor), "{}",
        tensor.name);
  const onednn::Descriptor& layout = layout_of(tensor);
  reorder_once(layout, arena.data() + tensor.offset, onednn::plain(onednn::dims_of(layout)), plain.data());
}

void Network::State::from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const {
  CHECK(arena.size() >= tensor.offset + tensor.elements && std::int64_t(plain.size()) == plain_elements(tensor), "{}",
        tensor.name);
  const onednn::Descriptor& layout = layout_of(tensor);
  reorder_once(onednn::plain(onednn::dims_of(layout)), plain.data(), layout, arena.data() + tensor.offset);
}

void Network::State::run(Step& step, const Pass& pass) const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  step.run(pass);
  step.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  ++step.runs;
  if (after_step) after_step();
}

const NetworkOptions& Network::options() const {
  return state_->options;
}

std::span<const TensorInfo> Network::parameters() const {
  return state_->builder.parameters().tensors;
}

std::span<const TensorInfo> Network::frozen() const {
  return state_->builder.frozen().tensors;
}

std::span<const TensorInfo> Network::buffers() const {
  return state_->builder.buffers().tensors;
}

std::span<const LayerSummary> Network::summary() const {
  return state_->summary;
}

std::size_t Network::memory_bytes() const {
  const NetworkSizes all = state_->sizes();
  return all.own_bytes + (all.parameter_elements + all.frozen_elements) * sizeof(float);
}

void Network::move_parameters(std::span<float> trained, std::span<float> frozen) {
  state_->values.move(trained);
  state_->frozen.move(frozen);
  state_->point_to_values();
}

std::span<float> Network::parameter_values() {
  return state_->values.span();
}

std::span<float> Network::frozen_values() {
  return state_->frozen.span();
}

std::span<float> Network::buffer_values() {
  return state_->buffers.span();
}

std::size_t Network::gradient_elements() const {
  return state_->sizes().gradient_elements;
}

void Network::parameters_changed() {
  state_->run(state_->program.refresh, {});
}

void Network::frozen_changed() {
  state_->run(state_->program.refresh_frozen, {});
}

void Network::on_step(std::function<void()> called) {
  state_->after_step = std::move(called);
}

std::span<const float> Network::logits() const {
  return state_->logits(0);
}

void Network::to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const {
  state_->to_plain(tensor, arena, plain);
}

void Network::from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const {
  state_->from_plain(tensor, plain, arena);
}

Network::Network(std::unique_ptr<State> state) : state_(std::move(state)) {}

Network::~Network() = default;

}  // namespace lockstep
