#include "trainer/nn/graph/builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/base/status.h"
#include "trainer/nn/kernels/reorder.h"

namespace lockstep {

std::string Shape::text() const {
  return flat ? fmt::format("{}", values()) : fmt::format("{} x {} x {}", channels, height, width);
}

Step Step::as(std::string its_pass, std::int64_t its_flops) const {
  Step step = *this;
  step.pass = std::move(its_pass);
  step.flops = its_flops;
  return step;
}

Builder::Builder(const NetworkOptions& options, MemoryPlan& memory, Faults& faults)
    : options_(options), memory_(memory), faults_(faults), faulty_(!faults.empty()) {}

void Builder::begin_layer(std::string path, std::string name, std::vector<std::string> inputs) {
  path_ = std::move(path);
  name_ = std::move(name);
  inputs_ = std::move(inputs);
  begin_backward_group();
}

void Builder::fault(std::string_view field, std::string_view message) {
  faulty_ = true;
  faults_.add(path_ + std::string(field), message);
}

bool Builder::check_size(std::string_view field, std::string_view what, double elements) {
  constexpr double kMost = 2147483647;
  if (elements <= kMost) return true;
  fault(field, fmt::format("{} are too many: expected at most {:.0f} values, got {:.3g}", what, kMost, elements));
  return false;
}

Activation Builder::input() {
  const ImageShape& image = options_.image;
  Activation made;
  made.shape = {image.channels, image.height, image.width};
  begin_layer("model", "image");
  check_size("", "the pixels of a slice", double(rows()) * double(made.shape.values()));
  made.layout = onednn::plain({rows(), image.channels, image.height, image.width});
  made.values = memory_.add_external(Arena::kInput, 0);
  return made;
}

Activation Builder::activation(const Shape& shape, const onednn::Descriptor& layout, bool wants_gradient) {
  Activation made;
  made.shape = shape;
  made.layout = layout;
  made.values = array(layout);
  if (wants_gradient) made.gradient = array(layout);
  return made;
}

Activation Builder::elementwise(const Activation& input) {
  const Activation made = activation(input.shape, input.layout, input.wants_gradient());
  memory_.may_overwrite(made.values, input.values);
  if (input.wants_gradient()) memory_.may_overwrite(input.gradient, made.gradient);
  return made;
}

Activation Builder::in_layout(const Activation& from, const onednn::Descriptor& layout) {
  if (from.layout == layout) return from;
  Activation to = {.shape = from.shape, .layout = layout, .values = copy_of(from.values, layout, value_copies_)};
  if (to.values == Slot::kNone) {
    to.values = array(layout);
    on_forward(copy(from.layout, from.values, to.layout, to.values));
    value_copies_.push_back({from.values, layout, to.values});
  }
  if (from.wants_gradient()) {
    to.gradient = array(layout);
    begin_backward_group();
    on_backward(copy(to.layout, to.gradient, from.layout, from.gradient));
    begin_backward_group();
  }
  return to;
}

Slot Builder::copy_of(Slot original, const onednn::Descriptor& layout, const std::vector<Copy>& copies) {
  const auto known = std::find_if(copies.begin(), copies.end(),
                                  [&](const Copy& copy) { return copy.original == original && copy.layout == layout; });
  return known == copies.end() ? Slot::kNone : known->copy;
}

std::vector<Activation> Builder::in_one_layout(const std::vector<Activation>& from) {
  std::vector<Activation> to = from;
  const onednn::Dims dims = onednn::dims_of(from[0].layout);
  const bool meet = std::all_of(from.begin(), from.end(),
                                [&](const Activation& each) { return onednn::dims_of(each.layout) == dims; });
  for (Activation& each : to) {
    if (!meet) each = as_matrix(each);
    each = in_layout(each, to[0].layout);
  }
  return to;
}

Activation Builder::as_matrix(const Activation& from) {
  const onednn::Type type = onednn::type_of(from.layout);
  const onednn::Descriptor matrix = onednn::plain({rows(), from.shape.values()}, type);
  const onednn::Dims dims = onednn::dims_of(from.layout);
  if (dims.size() == 2) return in_layout(from, matrix);
  // One value a channel, none of them padding: every layout that keeps rows apart has them in order.
  const bool in_order = from.shape.height * from.shape.width == 1 &&
                        onednn::elements_of(from.layout) == onednn::elements_of(matrix) &&
                        onednn::rows_are_contiguous(from.layout);
  Activation to = in_order ? from : in_layout(from, onednn::plain(dims, type));
  to.layout = matrix;
  return to;
}

Parameter Builder::parameter(std::string_view tensor, std::vector<std::int64_t> shape, const onednn::Descriptor& layout,
                             bool is_weights, float initial) {
  Parameter made;
  made.name = fmt::format("{}/{}", name_, tensor);
  made.layout = layout;
  TensorInfo info{.name = made.name, .shape = std::move(shape), .is_weights = is_weights};
  if (!is_trained(tensor)) {
    made.values = add_tensor(std::move(info), layout, initial, Arena::kFrozen, frozen_);
    made.gradient = array(layout);
    return made;
  }
  made.values = add_tensor(std::move(info), layout, initial, Arena::kValues, parameters_);
  const std::size_t offset = parameters_.tensors.back().offset;
  made.gradient = memory_.add_external(Arena::kGradients, offset);
  gradient_places_[made.gradient] = {offset, onednn::elements_of(layout)};
  return made;
}

bool Builder::is_kept(std::string_view name) const {
  return std::find(options_.kept.begin(), options_.kept.end(), name) != options_.kept.end();
}

bool Builder::is_trained(std::string_view tensor) const {
  return !options_.is_frozen || !options_.is_frozen(fmt::format("{}/{}", name_, tensor));
}

Slot Builder::add_tensor(TensorInfo tensor, const onednn::Descriptor& layout, float initial, Arena arena,
                         TensorList& list) {
  tensor.elements = onednn::elements_of(layout);
  append_tensor(std::move(tensor), list.tensors);
  list.layouts.push_back(layout);
  list.initials.push_back(initial);
  return memory_.add_external(arena, list.tensors.back().offset);
}

Slot Builder::parameter_in_layout(const Parameter& parameter, const onednn::Descriptor& layout) {
  if (parameter.layout == layout) return parameter.values;
  const Slot known = copy_of(parameter.values, layout, parameter_copies_);
  if (known != Slot::kNone) return known;
  const Slot made = array(layout);
  const bool is_trained = gradient_places_.contains(parameter.gradient);
  append(copy(parameter.layout, parameter.values, layout, made), "refresh",
         is_trained ? program_.refresh : program_.refresh_frozen);
  parameter_copies_.push_back({parameter.values, layout, made});
  return made;
}

Builder::Statistic Builder::statistic(std::string_view tensor, std::int64_t channels, float momentum, float initial) {
  buffer_momenta_.push_back(momentum);
  const Slot buffer =
      add_tensor({.name = fmt::format("{}/{}", name_, tensor), .shape = {channels}, .is_statistic = true},
                 onednn::plain({channels}), initial, Arena::kBuffers, buffers_);
  return {buffer, buffers_.tensors.back().offset};
}

Slot Builder::frozen_statistic(std::string_view tensor, std::int64_t channels, float initial) {
  return add_tensor({.name = fmt::format("{}/{}", name_, tensor), .shape = {channels}, .is_statistic = true},
                    onednn::plain({channels}), initial, Arena::kFrozen, frozen_);
}

Slot Builder::scratchpad(const onednn::PrimitiveDescriptor& descriptor) {
  CHECK(descriptor, "oneDNN has no kernel for {} at {}", name_, path_);
  const onednn::Descriptor layout = descriptor.scratchpad_desc();
  return layout.is_zero() ? Slot::kNone : array(layout);
}

Step Builder::operation(const onednn::PrimitiveDescriptor& descriptor, const std::vector<Argument>& arguments) {
  return operation(descriptor, arguments, scratchpad(descriptor));
}

Step Builder::operation(const onednn::PrimitiveDescriptor& descriptor, const std::vector<Argument>& arguments,
                        Slot scratch) {
  Step step;
  step.kernel = onednn::implementation_of(descriptor);
  step.is_slow = onednn::is_slow(descriptor);
  std::vector<std::pair<int, dnnl::memory>> memories;
  memories.reserve(arguments.size() + 1);
  for (const Argument& argument : arguments) {
    memories.emplace_back(argument.name, memory_.memory(argument.layout, argument.slot));
    step.slots.push_back(argument.slot);
    const bool is_written =
        argument.name == DNNL_ARG_DST || argument.name == DNNL_ARG_DIFF_SRC || argument.name == DNNL_ARG_DIFF_WEIGHTS;
    if (is_written) step.layout = onednn::layout_text(argument.layout);
  }
  if (scratch != Slot::kNone) {
    memories.emplace_back(DNNL_ARG_SCRATCHPAD, memory_.memory(descriptor.scratchpad_desc(), scratch));
    step.slots.push_back(scratch);
  }
  step.run = [operation = onednn::Operation(descriptor, memories)](const Pass&) { operation.run(); };
  return step;
}

Step Builder::gradient_step(const std::vector<Slot>& gradients, const MakeStep& make) {
  struct Piece {
    Slot slot;
    GradientPlace place;
  };
  std::vector<Slot> slots;
  std::vector<Piece> pieces;
  for (const Slot gradient : gradients) {
    const auto place = gradient_places_.find(gradient);
    slots.push_back(place == gradient_places_.end() ? gradient : memory_.add(place->second.elements));
    if (place != gradient_places_.end()) pieces.push_back({slots.back(), place->second});
  }
  const Step in_place = make(gradients);
  Step step = make(slots);
  step.slots.insert(step.slots.end(), in_place.slots.begin(), in_place.slots.end());
  for (const Piece& piece : pieces) step.gradients.push_back(piece.place.offset);
  step.run = [&memory = memory_, in_place = in_place.run, apart = step.run, pieces](const Pass& pass) {
    if (!pass.gradients.add) return in_place(pass);
    apart(pass);
    for (const auto& [slot, place] : pieces) pass.gradients.put(place.offset, memory.data(slot), place.elements);
  };
  return step;
}

Step Builder::gradient_operation(const onednn::PrimitiveDescriptor& descriptor,
                                 const std::vector<Argument>& arguments) {
  std::vector<Slot> gradients;
  for (const Argument& argument : arguments) {
    if (gradient_places_.contains(argument.slot)) gradients.push_back(argument.slot);
  }
  const Slot scratch = scratchpad(descriptor);
  return gradient_step(gradients, [&](const std::vector<Slot>& places) {
    std::vector<Argument> placed = arguments;
    auto place = places.begin();
    for (Argument& argument : placed) {
      if (gradient_places_.contains(argument.slot)) argument.slot = *place++;
    }
    return operation(descriptor, placed, scratch);
  });
}

Step Builder::copy(const onednn::Descriptor& from_layout, Slot from, const onednn::Descriptor& to_layout, Slot to) {
  Step step;
  if (reorder_is_reliable(to_layout)) {
    step = operation(onednn::reorder(from_layout, to_layout),
                     {{DNNL_ARG_FROM, from_layout, from}, {DNNL_ARG_TO, to_layout, to}});
  } else {
    step.run = [&memory = memory_, from, to, from_type = onednn::type_of(from_layout),
                to_type = onednn::type_of(to_layout), indices = gather_indices(from_layout, to_layout)](const Pass&) {
      gather(indices, memory.data(from), from_type, memory.data(to), to_type);
    };
    step.slots = {from, to};
    step.layout = onednn::layout_text(to_layout);
  }
  return step.as("reorder", 0);
}

void Builder::on_forward(const Step& step) {
  on_training(step);
  on_evaluation(step);
}

void Builder::on_training(const Step& step) {
  append(step, "forward", program_.forward);
}

void Builder::on_evaluation(const Step& step) {
  if (!evaluation_has_ended_) append(step, "evaluation", program_.evaluate);
}

void Builder::begin_backward_group() {
  backward_groups_.emplace_back();
}

void Builder::on_backward(const Step& step) {
  append(step, "backward", backward_groups_.back());
}

void Builder::append(const Step& step, std::string_view pass, std::vector<Step>& steps) const {
  steps.push_back(step);
  if (step.pass.empty()) steps.back().pass = pass;
  steps.back().layer = name_;
}

void Builder::describe(LayerSummary summary) {
  summary.inputs = inputs_;
  summary_.push_back(std::move(summary));
}

Program Builder::take_program() {
  for (auto group = backward_groups_.rbegin(); group != backward_groups_.rend(); ++group) {
    for (Step& step : *group) program_.backward.push_back(std::move(step));
  }
  backward_groups_.clear();
  return std::move(program_);
}

}  // namespace lockstep
