#include "trainer/nn/layers/dropout.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "storage/base/philox.h"
#include "trainer/nn/kernels/element_type.h"
#include "trainer/nn/kernels/loops.h"
#include "trainer/nn/kernels/random_block.h"

namespace lockstep {
namespace {

// Free functions, and a product in place of a choice: compilers make vector instructions of these.
void draw(const RandomBlock& numbers, std::uint32_t threshold, std::size_t count, std::uint8_t* mask) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) mask[i] = numbers[i] >= threshold ? 1 : 0;
}

// x and y may be the same.
template <typename T>
void multiply(const T* x, const std::uint8_t* mask, float scale, std::size_t count, T* y) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) from_float(to_float(x[i]) * (scale * float(mask[i])), y[i]);
}

struct Dropout {
  MemoryPlan& memory;
  onednn::Type type = onednn::Type::f32;
  int threads = 1;
  std::uint64_t seed = 0;
  std::uint32_t threshold = 0;  // numbers below it drop the value
  float scale = 1;
  std::size_t rows = 0;
  std::size_t row_elements = 0;
  Slot from, to, to_gradient, from_gradient, kept;

  // One byte a value: whether it was kept.
  std::uint8_t* kept_data() const { return memory.data<std::uint8_t>(kept); }

  template <typename T>
  void forward_row(const Pass& pass, std::size_t row) const {
    Philox random(seed, Purpose::kDropout, std::uint32_t(pass.epoch), std::uint64_t(pass.rows[row]));
    const std::array<std::uint32_t, 2> key = {random.next(), random.next()};
    const std::size_t begin = row * row_elements;
    std::uint8_t* const mask = kept_data() + begin;
    const T* const x = memory.data<T>(from) + begin;
    T* const y = memory.data<T>(to) + begin;
    for (std::size_t first = 0; first < row_elements; first += kRandomBlock) {
      const RandomBlock numbers = random_block(key, std::uint32_t(first / kRandomBlock));
      const std::size_t count = std::min(kRandomBlock, row_elements - first);
      draw(numbers, threshold, count, mask + first);
      multiply(x + first, mask + first, scale, count, y + first);
    }
  }

  void forward(const Pass& pass) const {
    CHECK(pass.rows.size() == rows, "{} row numbers for {} rows", pass.rows.size(), rows);
    with_element_type(type, [&]<typename T>(T) {
      in_parts(rows, threads, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) forward_row<T>(pass, row);
      });
    });
  }

  void backward() const {
    const std::uint8_t* const mask = kept_data();
    with_element_type(type, [&]<typename T>(T) {
      const T* const g = memory.data<T>(to_gradient);
      T* const masked = memory.data<T>(from_gradient);
      in_parts(rows * row_elements, threads, kRandomBlock, [&](std::size_t begin, std::size_t end) {
        multiply(g + begin, mask + begin, scale, end - begin, masked + begin);
      });
    });
  }

  void evaluate() const {
    with_element_type(type, [&]<typename T>(T) {
      const T* const x = memory.data<T>(from);
      T* const y = memory.data<T>(to);
      if (x != y) std::copy_n(x, rows * row_elements, y);
    });
  }
};

}  // namespace

Activation build_dropout(Builder& builder, const proto::Dropout& spec, const Activation& input) {
  if (builder.faulty()) return input;
  CHECK(onednn::rows_are_contiguous(input.layout), "rows of {} do not lie apart", builder.name());
  const Activation output = builder.elementwise(input);
  const std::size_t elements = onednn::elements_of(input.layout);
  const Dropout dropout = {.memory = builder.memory(),
                           .type = onednn::type_of(input.layout),
                           .threads = builder.options().threads,
                           .seed = builder.options().seed ^ key_of(builder.name()),
                           .threshold = std::uint32_t(double(spec.rate()) * 0x1p32),
                           .scale = 1 / (1 - spec.rate()),
                           .rows = std::size_t(builder.rows()),
                           .row_elements = elements / std::size_t(builder.rows()),
                           .from = input.values,
                           .to = output.values,
                           .to_gradient = output.gradient,
                           .from_gradient = input.gradient,
                           .kept = builder.memory().add((elements + 3) / 4)};
  const std::string layout = onednn::layout_text(input.layout);
  builder.on_training({.run = [dropout](const Pass& pass) { dropout.forward(pass); },
                       .slots = {dropout.from, dropout.to, dropout.kept},
                       .layout = layout});
  builder.on_evaluation(
      {.run = [dropout](const Pass&) { dropout.evaluate(); }, .slots = {dropout.from, dropout.to}, .layout = layout});
  if (input.wants_gradient()) {
    builder.on_backward({.run = [dropout](const Pass&) { dropout.backward(); },
                         .slots = {dropout.to_gradient, dropout.from_gradient, dropout.kept},
                         .layout = layout});
  }
  builder.describe({.name = builder.name(),
                    .kind = fmt::format("dropout, rate {}", spec.rate()),
                    .output = output.shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace lockstep
