#include "trainer/nn/plans/convolution_plan.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

constexpr std::int64_t kBlock = 16;  // channels that a kernel takes at once
constexpr std::int64_t kTile = 4;    // outputs on each side of a tile
constexpr std::int64_t kWorthwhileTiles = 16;
constexpr int kRuns = 5;

std::int64_t tiles(std::int64_t size) {
  return (size + kTile - 1) / kTile;
}

}  // namespace

bool winograd_fits(const proto::Convolution& spec, const PlacedWindow& placed, std::int64_t channels) {
  const onednn::Window& window = placed.window;
  const auto both = [](const onednn::Dims& dims, std::int64_t value) { return dims[0] == value && dims[1] == value; };
  const auto at_most_one = [](const onednn::Dims& dims) { return std::max(dims[0], dims[1]) <= 1; };
  return spec.groups() == 1 && channels % kBlock == 0 && spec.filters() % kBlock == 0 && both(window.kernel, 3) &&
         both(window.stride, 1) && both(window.dilation, 0) && at_most_one(window.begin) && at_most_one(window.end);
}

proto::Algorithm algorithm_by_shape(std::int64_t rows, const PlacedWindow& placed) {
  const std::int64_t image_tiles = tiles(placed.output_height) * tiles(placed.output_width);
  const bool mostly_inside = 2 * placed.output_height * placed.output_width >= image_tiles * kTile * kTile;
  return mostly_inside && rows * image_tiles >= kWorthwhileTiles ? proto::WINOGRAD : proto::DIRECT;
}

namespace {

// Of the fastest of a few runs.
template <typename Run>
double best_seconds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= kRuns; ++i) {
    const Clock::time_point begin = Clock::now();
    run();
    if (i > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

std::size_t floats(std::int64_t rows, std::int64_t channels, std::int64_t height, std::int64_t width) {
  return std::size_t(rows * channels * height * width);
}

}  // namespace

double seconds_of(const onednn::PrimitiveDescriptor& descriptor) {
  if (!descriptor) return std::numeric_limits<double>::infinity();
  std::vector<AlignedArray> arrays;
  std::vector<std::pair<int, dnnl::memory>> memories;
  const auto add = [&](int name, const onednn::Descriptor& layout) {
    if (layout.is_zero()) return;
    arrays.emplace_back(onednn::floats_of(layout));
    memories.emplace_back(name, onednn::memory(layout, arrays.back().data()));
  };
  add(DNNL_ARG_SRC, descriptor.src_desc(0));
  add(DNNL_ARG_WEIGHTS, descriptor.weights_desc(0));
  add(DNNL_ARG_BIAS, descriptor.weights_desc(1));
  add(DNNL_ARG_DST, descriptor.dst_desc(0));
  add(DNNL_ARG_DIFF_SRC, descriptor.diff_src_desc(0));
  add(DNNL_ARG_DIFF_WEIGHTS, descriptor.diff_weights_desc(0));
  add(DNNL_ARG_DIFF_BIAS, descriptor.diff_weights_desc(1));
  add(DNNL_ARG_DIFF_DST, descriptor.diff_dst_desc(0));
  add(DNNL_ARG_SCRATCHPAD, descriptor.scratchpad_desc());
  const onednn::Operation operation(descriptor, memories);
  return best_seconds([&] { operation.run(); });
}

double forward_seconds(const winograd::Problem& problem) {
  if (!winograd::available()) return std::numeric_limits<double>::infinity();
  const AlignedArray src(floats(problem.rows, problem.channels, problem.height, problem.width));
  const AlignedArray weights(floats(problem.filters, problem.channels, 3, 3));
  AlignedArray dst(floats(problem.rows, problem.filters, problem.output_height, problem.output_width));
  AlignedArray scratch(winograd::forward_scratch_floats(problem));
  return best_seconds([&] {
    winograd::forward(problem, src.data(), weights.data(), /*turned=*/false, nullptr, dst.data(), scratch.data());
  });
}

double backward_weights_seconds(const winograd::Problem& problem) {
  if (!winograd::available()) return std::numeric_limits<double>::infinity();
  const AlignedArray src(floats(problem.rows, problem.channels, problem.height, problem.width));
  const AlignedArray diff_dst(floats(problem.rows, problem.filters, problem.output_height, problem.output_width));
  AlignedArray diff_weights(floats(problem.filters, problem.channels, 3, 3));
  AlignedArray scratch(winograd::backward_weights_scratch_floats(problem));
  return best_seconds([&] {
    winograd::backward_weights(problem, src.data(), diff_dst.data(), diff_weights.data(), nullptr, scratch.data());
  });
}

}  // namespace lockstep
