#include "trainer/nn/layers/winograd_steps.h"

#include <vector>

namespace lockstep::winograd {
namespace {

using Tag = dnnl::memory::format_tag;

constexpr const char* kKernel = "winograd:avx512";

}  // namespace

onednn::Descriptor image_layout(const onednn::Dims& dims, onednn::Type type) {
  return {dims, type, Tag::nChw16c};
}

onednn::Descriptor weights_layout(const onednn::Dims& dims) {
  return {dims, onednn::Type::f32, Tag::OIhw16i16o};
}

onednn::Descriptor turned_weights_layout(const onednn::Dims& dims) {
  return {dims, onednn::Type::f32, Tag::OIhw16o16i};
}

Step forward_step(Builder& builder, const Problem& problem, Slot src, Slot weights, Slot bias, Slot dst) {
  const Slot scratch = builder.memory().add(forward_scratch_floats(problem));
  Step step;
  step.kernel = kKernel;
  step.layout = "aBcd16b";
  step.slots = {src, weights, dst, scratch};
  if (bias != Slot::kNone) step.slots.push_back(bias);
  step.run = [&memory = builder.memory(), problem, src, weights, bias, dst, scratch](const Pass&) {
    forward(problem, memory.data(src), memory.data(weights), /*turned=*/false,
            bias == Slot::kNone ? nullptr : memory.data(bias), memory.data(dst), memory.data(scratch));
  };
  return step;
}

Step backward_data_step(Builder& builder, const Problem& problem, Slot diff_dst, Slot weights, Slot diff_src) {
  const Problem turned = of_input_gradient(problem);
  const Slot scratch = builder.memory().add(forward_scratch_floats(turned));
  Step step;
  step.kernel = kKernel;
  step.layout = "aBcd16b";
  step.slots = {diff_dst, weights, diff_src, scratch};
  step.run = [&memory = builder.memory(), turned, diff_dst, weights, diff_src, scratch](const Pass&) {
    forward(turned, memory.data(diff_dst), memory.data(weights), /*turned=*/true, nullptr, memory.data(diff_src),
            memory.data(scratch));
  };
  return step;
}

Step backward_weights_step(Builder& builder, const Problem& problem, Slot src, Slot diff_dst, Slot diff_weights,
                           Slot diff_bias) {
  const Slot scratch = builder.memory().add(backward_weights_scratch_floats(problem));
  std::vector<Slot> gradients = {diff_weights};
  if (diff_bias != Slot::kNone) gradients.push_back(diff_bias);
  return builder.gradient_step(gradients, [&](const std::vector<Slot>& places) {
    Step step;
    step.kernel = kKernel;
    step.layout = "ABcd16b16a";
    step.slots = places;
    step.slots.insert(step.slots.end(), {src, diff_dst, scratch});
    step.run = [&memory = builder.memory(), problem, src, diff_dst, scratch, places](const Pass&) {
      backward_weights(problem, memory.data(src), memory.data(diff_dst), memory.data(places[0]),
                       places.size() > 1 ? memory.data(places[1]) : nullptr, memory.data(scratch));
    };
    return step;
  });
}

}  // namespace lockstep::winograd
