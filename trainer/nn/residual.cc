#include "trainer/nn/residual.h"

#include <algorithm>

#include <fmt/format.h>

#include "trainer/nn/layer.h"
#include "trainer/nn/loops.h"

namespace lockstep {
namespace {

constexpr std::size_t kUnit = 16;  // a cache line

// The sum of both branches and its gradient.
struct Sum {
  MemoryPlan& memory;
  int threads = 1;
  std::size_t elements = 0;
  bool relu = true;
  Slot body, shortcut, output;
  Slot gradient;         // of the output; becomes that of the body
  Slot second_gradient;  // of the shortcut; none when it shares the one above

  // A value that is not a number stays one.
  void forward() const {
    const float* const a = memory.data(body);
    const float* const b = memory.data(shortcut);
    float* const sum = memory.data(output);
    in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
      if (relu) {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) sum[i] = a[i] + b[i] < 0.f ? 0.f : a[i] + b[i];
      } else {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) sum[i] = a[i] + b[i];
      }
    });
  }

  void backward() const {
    const float* const sum = memory.data(output);
    float* const g = memory.data(gradient);
    in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
      if (relu) {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) g[i] = sum[i] > 0.f ? g[i] : 0.f;
      }
      if (second_gradient != Slot::kNone) std::copy(g + begin, g + end, memory.data(second_gradient) + begin);
    });
  }
};

// The gradient of the input is the sum of those that reach it through both branches.
Step fork_backward(Builder& builder, const Activation& input, const Activation& shortcut) {
  return [&memory = builder.memory(), threads = builder.options().threads, total = input.gradient,
          part = shortcut.gradient, elements = onednn::elements_of(input.layout)](const Pass&) {
    float* const sum = memory.data(total);
    const float* const more = memory.data(part);
    in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
#pragma omp simd
      for (std::size_t i = begin; i < end; ++i) sum[i] += more[i];
    });
  };
}

Activation add_sum(Builder& builder, bool relu, const Activation& body, const Activation& shortcut) {
  Activation output = body;
  if (!body.overwritable) {
    output = builder.activation(body.shape, body.layout, /*wants_gradient=*/false);
  }
  output.gradient = body.wants_gradient() ? body.gradient : shortcut.gradient;
  output.overwritable = !relu;
  Sum sum = {.memory = builder.memory(),
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
  builder.on_forward([sum](const Pass&) { sum.forward(); });
  if (output.wants_gradient()) builder.on_backward([sum](const Pass&) { sum.backward(); });
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

Activation build_residual(Builder& builder, const proto::Residual& spec, const Activation& input) {
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
    shortcut_input.gradient = builder.memory().add(onednn::elements_of(input.layout));
    builder.on_backward(fork_backward(builder, input, shortcut_input));
  }
  Activation body = build_layers(builder, spec.body(), path + ".residual.body", name + "/", body_input);
  Activation shortcut = build_layers(builder, spec.shortcut(), path + ".residual.shortcut", name + "/", shortcut_input);
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
