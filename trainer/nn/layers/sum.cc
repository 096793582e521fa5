#include "trainer/nn/layers/sum.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "trainer/nn/kernels/element_type.h"
#include "trainer/nn/kernels/loops.h"

namespace lockstep {
namespace {

constexpr std::size_t kUnit = 16;  // a cache line

// Adds arrays of one layout, from the first to the last, in fp32; a value is rounded once. It may go over one of them.
struct Sum {
  MemoryPlan& memory;
  onednn::Type type = onednn::Type::f32;
  int threads = 1;
  std::size_t elements = 0;
  bool relu = false;
  std::vector<Slot> terms;
  Slot total = Slot::kNone;

  // A value that is not a number stays one.
  static float rectified(float value) { return value < 0.F ? 0.F : value; }

  template <typename T>
  void add_two(const T* a, const T* b, T* sum, std::size_t begin, std::size_t end) const {
    if (relu) {
#pragma omp simd
      for (std::size_t i = begin; i < end; ++i) from_float(rectified(to_float(a[i]) + to_float(b[i])), sum[i]);
    } else {
#pragma omp simd
      for (std::size_t i = begin; i < end; ++i) from_float(to_float(a[i]) + to_float(b[i]), sum[i]);
    }
  }

  // In blocks that stay in the first cache.
  template <typename T>
  void add_all(T* sum, std::size_t begin, std::size_t end) const {
    constexpr std::size_t kBlock = 512;
    std::array<float, kBlock> block;
    for (; begin < end; begin += kBlock) {
      const std::size_t size = std::min(kBlock, end - begin);
      const T* const first = memory.data<T>(terms[0]) + begin;
#pragma omp simd
      for (std::size_t i = 0; i < size; ++i) block[i] = to_float(first[i]);
      for (std::size_t term = 1; term < terms.size(); ++term) {
        const T* const more = memory.data<T>(terms[term]) + begin;
#pragma omp simd
        for (std::size_t i = 0; i < size; ++i) block[i] += to_float(more[i]);
      }
#pragma omp simd
      for (std::size_t i = 0; i < size; ++i) from_float(relu ? rectified(block[i]) : block[i], sum[begin + i]);
    }
  }

  void run() const {
    with_element_type(type, [&]<typename T>(T) {
      T* const sum = memory.data<T>(total);
      in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
        if (terms.size() == 2) {
          add_two(memory.data<T>(terms[0]), memory.data<T>(terms[1]), sum, begin, end);
        } else {
          add_all(sum, begin, end);
        }
      });
    });
  }
};

Step sum_step(Builder& builder, const onednn::Descriptor& layout, bool relu, std::vector<Slot> terms, Slot total) {
  const Sum sum = {.memory = builder.memory(),
                   .type = onednn::type_of(layout),
                   .threads = builder.options().threads,
                   .elements = onednn::elements_of(layout),
                   .relu = relu,
                   .terms = terms,
                   .total = total};
  for (const Slot term : terms) builder.memory().may_overwrite(total, term);
  std::vector<Slot> slots = std::move(terms);
  slots.push_back(total);
  return {.run = [sum](const Pass&) { sum.run(); }, .slots = std::move(slots), .layout = onednn::layout_text(layout)};
}

// The gradient of a sum as it is before its ReLU.
Step rectified_gradient_step(Builder& builder, const Activation& sum, Slot rectified) {
  const std::size_t elements = onednn::elements_of(sum.layout);
  const auto run = [&memory = builder.memory(), type = onednn::type_of(sum.layout), elements,
                    threads = builder.options().threads, sum, rectified](const Pass&) {
    with_element_type(type, [&]<typename T>(T) {
      const T* const values = memory.data<T>(sum.values);
      const T* const from = memory.data<T>(sum.gradient);
      T* const to = memory.data<T>(rectified);
      in_parts(elements, threads, kUnit, [&](std::size_t begin, std::size_t end) {
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) to[i] = where_positive(values[i], from[i]);
      });
    });
  };
  return {.run = run, .slots = {sum.values, sum.gradient, rectified}, .layout = onednn::layout_text(sum.layout)};
}

// `terms` have one layout. The gradient of a sum is that of each term: one array for all.
Activation add_sum(Builder& builder, bool relu, const std::vector<Activation>& terms) {
  MemoryPlan& memory = builder.memory();
  const bool wants_gradient =
      std::any_of(terms.begin(), terms.end(), [](const Activation& term) { return term.wants_gradient(); });
  const Activation output = builder.activation(terms[0].shape, terms[0].layout, wants_gradient);
  std::vector<Slot> values;
  for (const Activation& term : terms) values.push_back(term.values);
  builder.on_forward(sum_step(builder, output.layout, relu, values, output.values));
  if (!wants_gradient) return output;
  Slot gradient = output.gradient;
  if (relu) {
    gradient = builder.array(output.layout);
    memory.may_overwrite(gradient, output.gradient);
    builder.on_backward(rectified_gradient_step(builder, output, gradient));
  }
  for (const Activation& term : terms) {
    if (term.wants_gradient()) memory.alias(term.gradient, gradient);
  }
  return output;
}

// Builds the sum of terms that have one shape.
Activation build_sum(Builder& builder, bool relu, std::vector<Activation> terms) {
  terms = builder.in_one_layout(terms);
  const Activation output = add_sum(builder, relu, terms);
  builder.describe({.name = builder.name(),
                    .kind = relu ? "sum + relu" : "sum",
                    .output = output.shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace

Activation build_residual_sum(Builder& builder, const proto::Residual& spec, const std::vector<Activation>& inputs) {
  const Shape& body = inputs[0].shape;
  const Shape& shortcut = inputs[1].shape;
  if (spec.body().empty()) {
    builder.fault(".residual.body", "expected at least one layer, got none");
  } else if (body != shortcut) {
    builder.fault(".residual",
                  fmt::format("both branches must give the same shape: the body gives {}, the {} {}; {}", body.text(),
                              spec.shortcut().empty() ? "input is" : "shortcut gives", shortcut.text(),
                              spec.shortcut().empty() ? "give it a shortcut, as a 1x1 convolution"
                                                      : "change filters or stride of one"));
  }
  if (builder.faulty()) return {.shape = body};
  return build_sum(builder, spec.relu(), inputs);
}

Activation build_add(Builder& builder, const std::vector<Activation>& inputs) {
  const Shape& first = inputs[0].shape;
  for (const Activation& input : inputs) {
    if (input.shape == first) continue;
    builder.fault(".add", fmt::format("expected inputs of one shape, got {} and {}", first.text(), input.shape.text()));
    break;
  }
  if (builder.faulty()) return {.shape = first};
  return build_sum(builder, /*relu=*/false, inputs);
}

std::vector<Activation> fan_out(Builder& builder, const Activation& value, int readers) {
  std::vector<Activation> views(static_cast<std::size_t>(readers), value);
  if (readers < 2 || !value.wants_gradient() || builder.faulty()) return views;
  std::vector<Slot> gradients;
  for (auto view = views.rbegin(); view != views.rend(); ++view) {
    view->gradient = builder.array(value.layout);
    gradients.push_back(view->gradient);
  }
  builder.begin_backward_group();
  builder.on_backward(sum_step(builder, value.layout, /*relu=*/false, gradients, value.gradient));
  return views;
}

}  // namespace lockstep
