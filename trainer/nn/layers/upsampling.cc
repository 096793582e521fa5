#include "trainer/nn/layers/upsampling.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <omp.h>

#include "trainer/nn/kernels/channel_layout.h"
#include "trainer/nn/kernels/element_type.h"
#include "trainer/nn/kernels/loops.h"
#include "trainer/nn/layers/window.h"

namespace lockstep {
namespace {

// What a row or column is made of: neighbours from `first` on, each times its weight. Not empty.
struct Taps {
  std::size_t first = 0;
  std::vector<float> weights;
  bool operator==(const Taps&) const = default;
};
using Axis = std::vector<Taps>;

Axis repeated(std::int64_t size, std::int64_t scale) {
  Axis axis;
  for (std::int64_t i = 0; i < size * scale; ++i) axis.push_back({std::size_t(i / scale), {1}});
  return axis;
}

// The centre of output i lies at (i + 1/2) / scale - 1/2 of the input, or on the border: here in parts of 2 * scale.
Axis interpolated(std::int64_t size, std::int64_t scale) {
  Axis axis;
  for (std::int64_t i = 0; i < size * scale; ++i) {
    const std::int64_t place = std::clamp<std::int64_t>(2 * i + 1 - scale, 0, 2 * scale * (size - 1));
    const float after = float(place % (2 * scale)) / float(2 * scale);
    axis.push_back({std::size_t(place / (2 * scale)), {1 - after}});
    if (after > 0) axis.back().weights.push_back(after);
  }
  return axis;
}

// Of the gradient: each input gathers from the outputs that it is part of, which are neighbours.
Axis transposed(const Axis& axis, std::size_t size) {
  Axis result(size);
  for (std::size_t i = 0; i < axis.size(); ++i) {
    for (std::size_t k = 0; k < axis[i].weights.size(); ++k) {
      Taps& taps = result[axis[i].first + k];
      if (taps.weights.empty()) taps.first = i;
      taps.weights.push_back(axis[i].weights[k]);
    }
  }
  return result;
}

// kLanes values, each the sum of kCount taps at the distance `stride`, in their order.
template <std::size_t kLanes, std::size_t kCount, typename From, typename To>
void sum_few(const From* from, std::size_t stride, const float* weights, To* to) {
#pragma omp simd
  for (std::size_t i = 0; i < kLanes; ++i) {
    float sum = weights[0] * to_float(from[i]);
    for (std::size_t k = 1; k < kCount; ++k) sum += weights[k] * to_float(from[k * stride + i]);
    from_float(sum, to[i]);
  }
}

// The same of as many taps as there are. Scale 2 has one or two of them, and two or four on the way back.
template <std::size_t kLanes, typename From, typename To>
void sum_taps(const From* from, std::size_t stride, const Taps& taps, To* to) {
  const float* const weights = taps.weights.data();
  const std::size_t count = taps.weights.size();
  if (count == 1) return sum_few<kLanes, 1>(from, stride, weights, to);
  if (count == 2) return sum_few<kLanes, 2>(from, stride, weights, to);
  if (count == 4) return sum_few<kLanes, 4>(from, stride, weights, to);
  float sum[kLanes];
#pragma omp simd
  for (std::size_t i = 0; i < kLanes; ++i) sum[i] = weights[0] * to_float(from[i]);
  for (std::size_t k = 1; k < count; ++k) {
#pragma omp simd
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] += weights[k] * to_float(from[k * stride + i]);
  }
#pragma omp simd
  for (std::size_t i = 0; i < kLanes; ++i) from_float(sum[i], to[i]);
}

// A row between the columns of `line`; the channels of a block are taken kLanes at a time.
template <std::size_t kLanes, typename T>
void write_row(const float* line, const Axis& columns, std::size_t block, T* to) {
  for (const Taps& taps : columns) {
    for (std::size_t i = 0; i < block; i += kLanes) {
      sum_taps<kLanes>(line + taps.first * block + i, block, taps, to + i);
    }
    to += block;
  }
}

// Arrays (planes, height, width, block), resampled: first the rows, then the columns. The pass back is the same with
// axes that are transposed.
struct Resampling {
  MemoryPlan& memory;
  onednn::Type type = onednn::Type::f32;
  int threads = 1;
  std::size_t planes = 1;
  std::size_t height = 1;  // of what is read
  std::size_t width = 1;
  std::size_t block = 1;
  Axis rows, columns;
  Slot from = Slot::kNone;
  Slot to = Slot::kNone;
  Slot lines = Slot::kNone;  // a row that is read, for each thread

  std::size_t line_floats() const { return width * block; }

  template <typename T>
  void write_rows(std::size_t begin, std::size_t end) const {
    float* const line = memory.data(lines) + std::size_t(omp_get_thread_num()) * line_floats();
    const std::size_t read = line_floats();
    const std::size_t written = columns.size() * block;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = i % rows.size();
      T* const out = memory.data<T>(to) + i * written;
      if (i > begin && row > 0 && rows[row] == rows[row - 1]) {
        std::memcpy(out, out - written, written * sizeof(T));
        continue;
      }
      const T* const in = memory.data<T>(from) + (i / rows.size() * height + rows[row].first) * read;
      std::size_t k = 0;
      for (; k + 16 <= read; k += 16) sum_taps<16>(in + k, read, rows[row], line + k);
      for (; k < read; ++k) sum_taps<1>(in + k, read, rows[row], line + k);
      if (block % 16 == 0) {
        write_row<16>(line, columns, block, out);
      } else if (block % 8 == 0) {
        write_row<8>(line, columns, block, out);
      } else {
        write_row<1>(line, columns, block, out);
      }
    }
  }

  void run() const {
    with_element_type(type, [&]<typename T>(T) {
      in_parts(planes * rows.size(), threads, 1,
               [&](std::size_t begin, std::size_t end) { write_rows<T>(begin, end); });
    });
  }
};

Step step_of(Builder& builder, Resampling resampling, const Activation& to, Slot from_slot, Slot to_slot) {
  resampling.from = from_slot;
  resampling.to = to_slot;
  resampling.lines = builder.memory().add(resampling.line_floats() * std::size_t(resampling.threads));
  return {.run = [resampling = std::move(resampling)](const Pass&) { resampling.run(); },
          .slots = {from_slot, to_slot, resampling.lines},
          .layout = onednn::layout_text(to.layout)};
}

Activation add_upsampling(Builder& builder, bool is_bilinear, const onednn::Dims& scale, const Activation& image,
                          const Shape& shape) {
  const onednn::Type type = onednn::type_of(image.layout);
  const ChannelLayout channels = channel_layout_of(image.layout).value_or(ChannelLayout{});
  const auto layout_of = [&](const Shape& of) {
    return in_channel_layout(channels, {builder.rows(), of.channels, of.height, of.width}, type);
  };
  const Activation input = builder.in_layout(image, layout_of(image.shape));
  const Activation output = builder.activation(shape, layout_of(shape), input.wants_gradient());
  const auto axis = [&](std::int64_t size, std::int64_t times) {
    return is_bilinear ? interpolated(size, times) : repeated(size, times);
  };
  Resampling forward = {
      .memory = builder.memory(),
      .type = type,
      .threads = builder.options().threads,
      .planes = std::size_t(builder.rows() * ((shape.channels + channels.block - 1) / channels.block)),
      .height = std::size_t(input.shape.height),
      .width = std::size_t(input.shape.width),
      .block = std::size_t(channels.block),
      .rows = axis(input.shape.height, scale[0]),
      .columns = axis(input.shape.width, scale[1])};
  builder.on_forward(step_of(builder, forward, output, input.values, output.values));
  if (!input.wants_gradient()) return output;
  Resampling backward = forward;
  backward.height = forward.rows.size();
  backward.width = forward.columns.size();
  backward.rows = transposed(forward.rows, forward.height);
  backward.columns = transposed(forward.columns, forward.width);
  builder.on_backward(step_of(builder, backward, input, output.gradient, input.gradient));
  return output;
}

}  // namespace

Activation build_upsampling(Builder& builder, const proto::Upsampling& spec, const Activation& input) {
  onednn::Dims scale = {1, 1};
  Shape shape = input.shape;
  if (check_image(shape, ".upsampling", "upsampling", builder) &&
      pair_of(spec.scale(), ".upsampling", "scale", builder, scale) &&
      builder.check_size(".upsampling.scale", "the outputs of a slice",
                         double(builder.rows()) * double(shape.values()) * double(scale[0]) * double(scale[1]))) {
    shape.height *= scale[0];
    shape.width *= scale[1];
  }
  if (builder.faulty()) return {.shape = shape};
  const bool is_bilinear = spec.mode() == proto::BILINEAR;
  const Activation output = add_upsampling(builder, is_bilinear, scale, input, shape);
  builder.describe({.name = builder.name(),
                    .kind = fmt::format("{} upsampling {}", is_bilinear ? "bilinear" : "nearest", pair_text(scale)),
                    .output = shape.text(),
                    .implementation = "own loop"});
  return output;
}

}  // namespace lockstep
