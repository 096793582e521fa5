#include "trainer/nn/residual.h"

#include <algorithm>

#include <fmt/format.h>

#include "trainer/nn/element_type.h"
#include "trainer/nn/layer.h"
#include "trainer/nn/loops.h"

namespace lockstep {
namespace {

constexpr std::size_t kUnit = 16;  // a cache line

// The sum of both branches and its gradient.
struct Sum {
  MemoryPlan& memory;
  onednn::Type type = onednn::Type::f32;
  int threads = 1;
  std::size_t elements = 0;
  bool relu = true;
  Slot body, shortcut, output;
  Slot gradient;         // of the output; becomes that of the body
  Slot second_gradient;  // of the shortcut; none when it shares the one above

  // A value that is not a number stays one.
  template <typename T>
  void add(const T* a, const T* b, T* sum) const {
    in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
      if (relu) {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) {
          const float value = to_float(a[i]) + to_float(b[i]);
          from_float(value < 0.f ? 0.f : value, sum[i]);
        }
      } else {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) from_float(to_float(a[i]) + to_float(b[i]), sum[i]);
      }
    });
  }

  template <typename T>
  void pass_back(const T* sum, T* g, T* second) const {
    in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
      if (relu) {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) g[i] = where_positive(sum[i], g[i]);
      }
      if (second != nullptr) std::copy(g + begin, g + end, second + begin);
    });
  }

  void forward() const {
    with_element_type(
        type, [&]<typename T>(T) { add(memory.data<T>(body), memory.data<T>(shortcut), memory.data<T>(output)); });
  }

  void backward() const {
    with_element_type(type, [&]<typename T>(T) {
      T* const second = second_gradient == Slot::kNone ? nullptr : memory.data<T>(second_gradient);
      pass_back(memory.data<T>(output), memory.data<T>(gradient), second);
    });
  }
};

template <typename T>
void add_to(std::size_t elements, int threads, const T* more, T* sum) {
  in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
#pragma omp simd
    for (std::size_t i = begin; i < end; ++i) from_float(to_float(sum[i]) + to_float(more[i]), sum[i]);
  });
}

// The gradient of the input is the sum of those that reach it through both branches.
Step fork_backward(Builder& builder, const Activation& input, const Activation& shortcut) {
  const auto run = [&memory = builder.memory(), threads = builder.options().threads, total = input.gradient,
                    part = shortcut.gradient, elements = onednn::elements_of(input.layout),
                    type = onednn::type_of(input.layout)](const Pass&) {
    with_element_type(
        type, [&]<typename T>(T) { add_to<T>(elements, threads, memory.data<T>(part), memory.data<T>(total)); });
  };
  return {.run = run, .slots = {input.gradient, shortcut.gradient}, .layout = onednn::layout_text(input.layout)};
}

Activation add_sum(Builder& builder, bool relu, const Activation& body, const Activation& shortcut) {
  Activation output = body;
  if (!body.overwritable) {
    output = builder.activation(body.shape, body.layout, /*wants_gradient=*/false);
  }
  output.gradient = body.wants_gradient() ? body.gradient : shortcut.gradient;
  output.overwritable = !relu;
  Sum sum = {.memory = builder.memory(),
             .type = onednn::type_of(body.layout),
             .threads = builder.options().threads,
             .elements = onednn::elements_of(body.layout),
             .relu = relu,
             .body = body.values,
             .shortcut = shortcut.values,
             .output = output.values,
             .gradient = output.gradient,
             .second_gradient = Slot::kNone};
  const bool share = body.keeps_gradient && shortcut.keeps_gradient;
  output.keeps_gradient = share && !relu;
  if (body.wants_gradient() && shortcut.wants_gradient()) {
    if (share) {
      builder.memory().alias(shortcut.gradient, body.gradient);
    } else {
      sum.second_gradient = shortcut.gradient;
    }
  }
  const std::string layout = onednn::layout_text(body.layout);
  builder.on_forward(
      {.run = [sum](const Pass&) { sum.forward(); }, .slots = {sum.body, sum.shortcut, sum.output}, .layout = layout});
  if (output.wants_gradient()) {
    std::vector<Slot> slots = {sum.output, sum.gradient};
    if (sum.second_gradient != Slot::kNone) slots.push_back(sum.second_gradient);
    builder.on_backward({.run = [sum](const Pass&) { sum.backward(); }, .slots = slots, .layout = layout});
  }
  return output;
}

bool check_branches(Builder& builder, const proto::Residual& spec, const Shape& body, const Shape& shortcut) {
  if (spec.body().empty()) {
    builder.fault(".residual.body", "expected at least one layer, got none");
  } else if (body != shortcut) {
    builder.fault(".residual",
                  fmt::format("both branches must give the same shape: the body gives {}, the {} {}; {}", body.text(),
                              spec.shortcut().empty() ? "input is" : "shortcut gives", shortcut.text(),
                              spec.shortcut().empty() ? "give it a shortcut, as a 1x1 convolution"
                                                      : "change filters or stride of one"));
  }
  return !builder.faulty();
}

}  // namespace

Activation build_residual(Builder& builder, proto::Residual& spec, const Activation& input) {
  const std::string path = builder.path();
  const std::string name = builder.name();
  // Two readers: neither branch may write over the input, and each has a gradient of its own.
  Activation body_input = input;
  body_input.overwritable = false;
  body_input.keeps_gradient = false;
  Activation shortcut_input = input;
  shortcut_input.overwritable = false;
  shortcut_input.keeps_gradient = true;
  if (input.wants_gradient()) {
    shortcut_input.gradient = builder.array(input.layout);
    builder.on_backward(fork_backward(builder, input, shortcut_input));
  }
  Activation body = build_layers(builder, *spec.mutable_body(), path + ".residual.body", name + "/", body_input);
  Activation shortcut =
      build_layers(builder, *spec.mutable_shortcut(), path + ".residual.shortcut", name + "/", shortcut_input);
  builder.begin_layer(path, name);
  if (!check_branches(builder, spec, body.shape, shortcut.shape)) return {.shape = body.shape};
  if (onednn::dims_of(body.layout) != onednn::dims_of(shortcut.layout)) {
    body = builder.as_matrix(body);
    shortcut = builder.as_matrix(shortcut);
  }
  shortcut = builder.in_layout(shortcut, body.layout);
  const Activation output = add_sum(builder, spec.relu(), body, shortcut);
  builder.describe({.name = name,
                    .kind = spec.relu() ? "sum + relu" : "sum",
                    .output = output.shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace lockstep
