#include "trainer/nn/convolution_plan.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

constexpr std::int64_t kBlock = 16;  // channels that a kernel takes at once
constexpr std::int64_t kTile = 4;    // outputs on each side of a tile
constexpr std::int64_t kWorthwhileTiles = 32;
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

double seconds_of(const onednn::PrimitiveDescriptor& descriptor) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  if (!descriptor) return best;
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
  for (int run = 0; run <= kRuns; ++run) {
    const Clock::time_point begin = Clock::now();
    operation.run();
    if (run > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

}  // namespace lockstep
