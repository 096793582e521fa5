#include "trainer/nn/layers/multiply.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "trainer/nn/kernels/channel_layout.h"
#include "trainer/nn/kernels/element_type.h"
#include "trainer/nn/kernels/loops.h"

namespace lockstep {
namespace {

// In lanes, as many as half a cache line has values: so the order of additions is not the compiler's choice.
template <typename T>
float dot_product(const T* a, const T* b, std::size_t elements) {
  constexpr std::size_t kLanes = 32 / sizeof(T);
  std::array<float, kLanes> sums{};
  float* const sum = sums.data();
  const std::size_t whole = elements - elements % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
#pragma omp simd
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum[lane] = std::fma(to_float(a[i + lane]), to_float(b[i + lane]), sum[lane]);
    }
  }
  for (std::size_t i = whole; i < elements; ++i) sum[0] = std::fma(to_float(a[i]), to_float(b[i]), sum[0]);
  float total = 0;
  for (const float lane : sums) total += lane;
  return total;
}

// An array (rows, blocks of channels, positions, channels of a block), each channel of a row times its factor. Factors
// are (rows, channels). With one position, one row and no padding: a product element by element.
struct Product {
  MemoryPlan& memory;
  onednn::Type type = onednn::Type::f32;
  int threads = 1;
  std::size_t rows = 1;
  std::size_t channels = 1;
  std::size_t blocks = 1;
  std::size_t positions = 1;
  std::size_t block = 1;
  Slot values, factors, output;
  Slot gradient;  // of the output
  // None where the values, or the factors, want none.
  Slot value_gradient, factor_gradient;

  static constexpr std::size_t kLanes = 64;  // at most so many channels at once

  struct Strip {
    std::size_t begin;     // of its first position, in the array
    std::size_t factor;    // of its first channel
    std::size_t lanes;     // with padding
    std::size_t channels;  // without
  };

  std::size_t strips_of_block() const { return (block + kLanes - 1) / kLanes; }
  std::size_t strips() const { return rows * blocks * strips_of_block(); }
  Strip strip(std::size_t number) const {
    const std::size_t first = number % strips_of_block() * kLanes;
    const std::size_t of_block = number / strips_of_block();
    const std::size_t row = of_block / blocks;
    const std::size_t channel = of_block % blocks * block + first;
    const std::size_t lanes = std::min(kLanes, block - first);
    return {.begin = of_block * positions * block + first,
            .factor = row * channels + channel,
            .lanes = lanes,
            .channels = std::min(lanes, channels - std::min(channels, channel))};
  }

  template <typename T>
  std::array<float, kLanes> factors_of(const Strip& strip) const {
    std::array<float, kLanes> result{};
    const T* const from = memory.data<T>(factors) + strip.factor;
    for (std::size_t i = 0; i < strip.channels; ++i) result[i] = to_float(from[i]);
    return result;
  }

  template <typename T>
  void forward_strip(const Strip& strip) const {
    const std::array<float, kLanes> factor = factors_of<T>(strip);
    const T* const from = memory.data<T>(values) + strip.begin;
    T* const to = memory.data<T>(output) + strip.begin;
    if (block == 1) {
#pragma omp simd
      for (std::size_t p = 0; p < positions; ++p) from_float(to_float(from[p]) * factor[0], to[p]);
      return;
    }
    for (std::size_t p = 0; p < positions; ++p) {
#pragma omp simd
      for (std::size_t i = 0; i < strip.lanes; ++i) {
        from_float(to_float(from[p * block + i]) * factor[i], to[p * block + i]);
      }
    }
  }

  // The factors' gradient is a sum over positions, in their order for each lane.
  template <typename T>
  void backward_strip(const Strip& strip) const {
    const std::array<float, kLanes> factor = factors_of<T>(strip);
    std::array<float, kLanes> sum{};
    const T* const from = memory.data<T>(values) + strip.begin;
    const T* const g = memory.data<T>(gradient) + strip.begin;
    const bool writes_values = value_gradient != Slot::kNone;
    T* const of_values = writes_values ? memory.data<T>(value_gradient) + strip.begin : nullptr;
    if (block == 1) {
      sum[0] = dot_product(g, from, positions);
      if (writes_values) {
#pragma omp simd
        for (std::size_t p = 0; p < positions; ++p) from_float(to_float(g[p]) * factor[0], of_values[p]);
      }
    } else {
      for (std::size_t p = 0; p < positions; ++p) {
#pragma omp simd
        for (std::size_t i = 0; i < strip.lanes; ++i) {
          const float value = to_float(g[p * block + i]);
          sum[i] = std::fma(value, to_float(from[p * block + i]), sum[i]);
          if (writes_values) from_float(value * factor[i], of_values[p * block + i]);
        }
      }
    }
    if (factor_gradient == Slot::kNone) return;
    T* const to = memory.data<T>(factor_gradient) + strip.factor;
    for (std::size_t i = 0; i < strip.channels; ++i) from_float(sum[i], to[i]);
  }

  void forward() const {
    with_element_type(type, [&]<typename T>(T) {
      in_parts(strips(), threads, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) forward_strip<T>(strip(i));
      });
    });
  }
  void backward() const {
    with_element_type(type, [&]<typename T>(T) {
      in_parts(strips(), threads, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) backward_strip<T>(strip(i));
      });
    });
  }
};

Activation add_product(Builder& builder, Product product, const Activation& values, const Activation& factors) {
  const bool wants_gradient = values.wants_gradient() || factors.wants_gradient();
  const Activation output = builder.activation(values.shape, values.layout, wants_gradient);
  builder.memory().may_overwrite(output.values, values.values);
  product.values = values.values;
  product.factors = factors.values;
  product.output = output.values;
  product.gradient = output.gradient;
  product.value_gradient = values.gradient;
  product.factor_gradient = factors.gradient;
  const std::string layout = onednn::layout_text(values.layout);
  builder.on_forward({.run = [product](const Pass&) { product.forward(); },
                      .slots = {product.values, product.factors, product.output},
                      .layout = layout});
  if (!wants_gradient) return output;
  std::vector<Slot> slots = {product.values, product.factors, product.gradient};
  if (factors.wants_gradient()) slots.push_back(factors.gradient);
  if (values.wants_gradient()) {
    slots.push_back(values.gradient);
    builder.memory().may_overwrite(values.gradient, output.gradient);
  }
  builder.on_backward({.run = [product](const Pass&) { product.backward(); }, .slots = slots, .layout = layout});
  return output;
}

Product product_of(Builder& builder, const onednn::Descriptor& layout) {
  return {.memory = builder.memory(),
          .type = onednn::type_of(layout),
          .threads = builder.options().threads,
          .values = Slot::kNone,
          .factors = Slot::kNone,
          .output = Slot::kNone,
          .gradient = Slot::kNone,
          .value_gradient = Slot::kNone,
          .factor_gradient = Slot::kNone};
}

Activation multiply_elements(Builder& builder, const std::vector<Activation>& inputs) {
  const std::vector<Activation> both = builder.in_one_layout(inputs);
  Product product = product_of(builder, both[0].layout);
  product.block = product.channels = onednn::elements_of(both[0].layout);
  return add_product(builder, product, both[0], both[1]);
}

Activation multiply_channels(Builder& builder, const Activation& image, const Activation& gate) {
  const Shape& shape = image.shape;
  const onednn::Type type = onednn::type_of(image.layout);
  const ChannelLayout channels = channel_layout_of(image.layout).value_or(ChannelLayout{});
  const Activation values = builder.in_layout(
      image, in_channel_layout(channels, {builder.rows(), shape.channels, shape.height, shape.width}, type));
  const Activation factors =
      builder.in_layout(builder.as_matrix(gate), onednn::plain({builder.rows(), shape.channels}, type));
  Product product = product_of(builder, values.layout);
  product.rows = std::size_t(builder.rows());
  product.channels = std::size_t(shape.channels);
  product.positions = std::size_t(shape.height * shape.width);
  product.block = std::size_t(channels.block);
  product.blocks = (product.channels + product.block - 1) / product.block;
  return add_product(builder, product, values, factors);
}

}  // namespace

Activation build_multiply(Builder& builder, const std::vector<Activation>& inputs) {
  const Shape& first = inputs[0].shape;
  const Shape& second = inputs[1].shape;
  const bool is_gate = !first.flat && second.values() == first.channels && second.channels == first.channels;
  if (first != second && !is_gate) {
    builder.fault(".multiply",
                  fmt::format("expected two inputs of one shape, or a second one with one value for each of "
                              "the first one's channels, got {} and {}",
                              first.text(), second.text()));
  }
  if (builder.faulty()) return {.shape = first};
  const Activation output =
      first == second ? multiply_elements(builder, inputs) : multiply_channels(builder, inputs[0], inputs[1]);
  builder.describe({.name = builder.name(),
                    .kind = first == second ? "product" : "product by channel",
                    .output = output.shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace lockstep
