#include "trainer/nn/layers/concatenate.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "trainer/nn/kernels/channel_layout.h"
#include "trainer/nn/kernels/loops.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {
namespace {

// Every run of the whole is one of each part after another.
struct Runs {
  struct Part {
    Slot slot;
    std::size_t bytes;  // of a run
  };
  MemoryPlan& memory;
  int threads = 1;
  std::size_t runs = 0;
  Slot whole = Slot::kNone;
  std::size_t whole_bytes = 0;  // of a run
  std::vector<Part> parts;

  template <typename Copy>
  void for_each(const Copy& copy) const {
    in_parts(runs, threads, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t run = begin; run < end; ++run) {
        std::byte* place = memory.data<std::byte>(whole) + run * whole_bytes;
        for (const Part& part : parts) {
          if (part.slot != Slot::kNone) copy(place, memory.data<std::byte>(part.slot) + run * part.bytes, part.bytes);
          place += part.bytes;
        }
      }
    });
  }
  // Where the whole is one run, a part may lie in its place already.
  void join() const {
    for_each([](std::byte* place, const std::byte* part, std::size_t bytes) {
      if (part != place) std::memcpy(place, part, bytes);
    });
  }
  void part() const {
    for_each([](const std::byte* place, std::byte* part, std::size_t bytes) {
      if (part != place) std::memcpy(part, place, bytes);
    });
  }
  // Asks that parts lie in the whole: only where it is one run have they no gaps.
  void lie_in_place() const {
    if (runs != 1) return;
    std::size_t begin = 0;
    for (const Part& part : parts) {
      const std::size_t elements = begin / sizeof(float);
      const bool is_aligned = begin % sizeof(float) == 0 && whole_lines(elements) == elements;
      if (part.slot != Slot::kNone && is_aligned) memory.may_lie_in(part.slot, whole, elements);
      begin += part.bytes;
    }
  }
};

Shape check_shapes(Builder& builder, const std::vector<Activation>& inputs) {
  Shape shape = inputs[0].shape;
  if (shape.flat) shape = {.channels = shape.values(), .flat = true};
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& other = inputs[i].shape;
    shape.channels += shape.flat ? other.values() : other.channels;
    if (other.flat == shape.flat && (shape.flat || (other.height == shape.height && other.width == shape.width))) {
      continue;
    }
    builder.fault(".concatenate", fmt::format("expected images of one height and width, or values only, got {} and {}",
                                              inputs[0].shape.text(), other.text()));
    break;
  }
  const bool fits =
      builder.check_size(".concatenate", "the outputs of a slice", double(builder.rows()) * double(shape.values()));
  return fits ? shape : inputs[0].shape;  // so that the count never passes what an integer holds
}

// The layout of the first image, if in it the others can follow on whole blocks; else plain order.
ChannelLayout common_layout(const std::vector<Activation>& inputs) {
  const ChannelLayout layout = channel_layout_of(inputs[0].layout).value_or(ChannelLayout{});
  if (layout.channels_last) return layout;
  for (std::size_t i = 0; i + 1 < inputs.size(); ++i) {
    if (inputs[i].shape.channels % layout.block != 0) return {};
  }
  return layout;
}

}  // namespace

Activation build_concatenate(Builder& builder, const std::vector<Activation>& inputs) {
  const Shape shape = check_shapes(builder, inputs);
  if (builder.faulty()) return {.shape = shape};
  const onednn::Type type = onednn::type_of(inputs[0].layout);
  const ChannelLayout common = shape.flat ? ChannelLayout{} : common_layout(inputs);
  const auto layout_of = [&](const Shape& of) {
    if (of.flat) return onednn::plain({builder.rows(), of.values()}, type);
    return in_channel_layout(common, {builder.rows(), of.channels, of.height, of.width}, type);
  };
  const std::size_t positions = common.channels_last ? std::size_t(shape.height * shape.width) : 1;
  Runs values = {.memory = builder.memory(),
                 .threads = builder.options().threads,
                 .runs = std::size_t(builder.rows()) * positions,
                 .parts = {}};
  Runs gradients = values;
  std::vector<Slot> value_slots, gradient_slots;
  for (const Activation& input : inputs) {
    const Activation placed = builder.in_layout(shape.flat ? builder.as_matrix(input) : input, layout_of(input.shape));
    const std::size_t bytes = onednn::bytes_of(placed.layout) / values.runs;
    values.parts.push_back({placed.values, bytes});
    gradients.parts.push_back({placed.gradient, bytes});
    value_slots.push_back(placed.values);
    if (placed.wants_gradient()) gradient_slots.push_back(placed.gradient);
  }
  const Activation output = builder.activation(shape, layout_of(shape), /*wants_gradient=*/!gradient_slots.empty());
  values.whole = output.values;
  gradients.whole = output.gradient;
  values.whole_bytes = gradients.whole_bytes = onednn::bytes_of(output.layout) / values.runs;
  value_slots.push_back(output.values);
  values.lie_in_place();
  if (output.wants_gradient()) gradients.lie_in_place();
  const std::string layout = onednn::layout_text(output.layout);
  builder.on_forward({.run = [values](const Pass&) { values.join(); }, .slots = value_slots, .layout = layout});
  if (output.wants_gradient()) {
    gradient_slots.push_back(output.gradient);
    builder.on_backward(
        {.run = [gradients](const Pass&) { gradients.part(); }, .slots = gradient_slots, .layout = layout});
  }
  builder.describe({.name = builder.name(),
                    .kind = fmt::format("concatenation of {}", inputs.size()),
                    .output = shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace lockstep
