#include "trainer/nn/kernels/winograd.h"

#include <algorithm>
#include <utility>

#include <omp.h>

#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/nn/kernels/loops.h"
#include "trainer/nn/kernels/winograd_product.h"

namespace lockstep::winograd {
namespace {

// How much is worked on at once, so that it stays in the caches; found by measuring with a second-level cache of 1 MB.
// Transformed weights of up to kFewWeights channels x filters are kept; more are made anew for each run of tiles.
constexpr std::int64_t kFewWeights = 128 * 128;
constexpr std::int64_t kFewWeightsTiles = 32;
constexpr std::int64_t kManyWeightsTiles = 128;
constexpr std::int64_t kManyWeightsChannelBlocks = 4;
// Of the backward pass of weights: its sums over runs of tiles are read and written again in each run.
constexpr std::int64_t kSummedTiles = 64;
constexpr std::int64_t kSummedBlocks = 256;  // blocks of channels x blocks of filters

constexpr std::int64_t kWeightBlock = kTaps * kBlock * kBlock;  // floats

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

TileGrid grid_of(const Problem& problem) {
  return {.tiles_down = round_up(problem.output_height, kTile) / kTile,
          .tiles_across = round_up(problem.output_width, kTile) / kTile,
          .pad_above = problem.pad_above,
          .pad_left = problem.pad_left};
}

std::int64_t tiles_of(const Problem& problem) {
  const TileGrid grid = grid_of(problem);
  return problem.rows * grid.tiles_down * grid.tiles_across;
}

Images input_images(const Problem& problem, const void* data) {
  return {const_cast<void*>(data),   problem.is_bf16, problem.rows,
          problem.channels / kBlock, problem.height,  problem.width};
}

Images output_images(const Problem& problem, const void* data) {
  return {const_cast<void*>(data),  problem.is_bf16,       problem.rows,
          problem.filters / kBlock, problem.output_height, problem.output_width};
}

struct Portion {
  std::int64_t tiles;
  std::int64_t channel_blocks;
  std::int64_t filter_blocks;
};

bool has_few_weights(const Problem& problem) {
  return problem.channels * problem.filters <= kFewWeights;
}

Portion forward_portion(const Problem& problem) {
  const std::int64_t tiles = round_up(tiles_of(problem), kProductRows);
  const std::int64_t channel_blocks = problem.channels / kBlock;
  if (has_few_weights(problem)) return {std::min(kFewWeightsTiles, tiles), channel_blocks, 1};
  return {std::min(kManyWeightsTiles, tiles), std::min(kManyWeightsChannelBlocks, channel_blocks), 1};
}

// Always with all channels.
Portion backward_portion(const Problem& problem) {
  const std::int64_t tiles = tiles_of(problem);
  const std::int64_t channel_blocks = problem.channels / kBlock, filter_blocks = problem.filters / kBlock;
  if (has_few_weights(problem)) return {std::min(kSummedTiles, tiles), channel_blocks, filter_blocks};
  if (tiles <= kManyWeightsTiles) return {tiles, channel_blocks, 1};
  const std::int64_t summed = std::max<std::int64_t>(1, kSummedBlocks / channel_blocks);
  return {kManyWeightsTiles, channel_blocks, std::min(summed, filter_blocks)};
}

// The three arrays of transformed values that a thread works on, one after another in its scratch.
class Arrays {
 public:
  struct Size {
    std::int64_t positions;
    std::int64_t blocks;
  };
  Arrays(Size inputs, Size outputs, Size weights) : sizes_{inputs, outputs, weights} {}

  std::size_t floats() const { return std::size_t(offset(3)); }
  Planes inputs(float* scratch) const { return planes(0, scratch); }
  Planes outputs(float* scratch) const { return planes(1, scratch); }
  Planes weights(float* scratch) const { return planes(2, scratch); }

 private:
  // An odd number of cache lines: planes would else begin at the same place of the cache.
  static std::int64_t plane_floats(const Size& size) { return (size.positions * size.blocks | 1) * kBlock; }
  std::int64_t offset(int which) const {
    std::int64_t sum = 0;
    for (int i = 0; i < which; ++i) sum += kPlanes * plane_floats(sizes_[i]);
    return sum;
  }
  Planes planes(int which, float* scratch) const {
    return {scratch + offset(which), sizes_[which].positions, plane_floats(sizes_[which])};
  }

  Size sizes_[3];
};

Arrays forward_arrays(const Problem& problem) {
  const Portion portion = forward_portion(problem);
  return {
      {portion.tiles, problem.channels / kBlock},
      {portion.tiles, portion.filter_blocks},
      {portion.channel_blocks * kBlock, has_few_weights(problem) ? problem.filters / kBlock : portion.filter_blocks}};
}

Arrays backward_arrays(const Problem& problem) {
  const Portion portion = backward_portion(problem);
  return {{portion.tiles, portion.channel_blocks},
          {portion.tiles, portion.filter_blocks},
          {problem.channels, portion.filter_blocks}};
}

// The part of a forward pass that computes the tiles `all`.
void forward_tiles(const Problem& problem, const void* src, const Weights& weights, bool turned, const float* bias,
                   void* dst, float* scratch, Run all) {
  const TileGrid grid = grid_of(problem);
  const Portion portion = forward_portion(problem);
  const Arrays arrays = forward_arrays(problem);
  const Planes inputs = arrays.inputs(scratch), outputs = arrays.outputs(scratch);
  const Planes transformed = arrays.weights(scratch);
  const std::int64_t channel_blocks = problem.channels / kBlock, filter_blocks = problem.filters / kBlock;
  const bool kept = has_few_weights(problem);
  if (kept) weights_to_tiles(weights, {0, channel_blocks}, {0, filter_blocks}, turned, transformed);
  for (std::int64_t done = 0; done < all.count; done += portion.tiles) {
    const Run tiles = {all.begin + done, std::min(portion.tiles, all.count - done)};
    inputs_to_tiles(input_images(problem, src), grid, tiles, inputs);
    for (std::int64_t filter = 0; filter < filter_blocks; filter += portion.filter_blocks) {
      const Run filters = {filter, std::min(portion.filter_blocks, filter_blocks - filter)};
      for (std::int64_t channel = 0; channel < channel_blocks; channel += portion.channel_blocks) {
        const Run channels = {channel, std::min(portion.channel_blocks, channel_blocks - channel)};
        if (!kept) weights_to_tiles(weights, channels, filters, turned, transformed);
        multiply_forward(inputs.from_block(channel), kept ? transformed.from_block(filter) : transformed,
                         {tiles.count, channels.count, filters.count}, /*add=*/channel > 0, outputs);
      }
      tiles_to_outputs(outputs, bias == nullptr ? nullptr : bias + filter * kBlock, grid, tiles, filters,
                       output_images(problem, dst));
    }
  }
}

// The part of a backward pass of weights that computes the blocks of filters `all`.
void backward_filters(const Problem& problem, const void* src, const void* diff_dst, const Weights& diff_weights,
                      float* diff_bias, float* scratch, Run all) {
  const TileGrid grid = grid_of(problem);
  const Portion portion = backward_portion(problem);
  const Arrays arrays = backward_arrays(problem);
  const Planes inputs = arrays.inputs(scratch), gradients = arrays.outputs(scratch), sums = arrays.weights(scratch);
  const std::int64_t channel_blocks = problem.channels / kBlock, count = tiles_of(problem);
  if (diff_bias != nullptr) std::fill_n(diff_bias + all.begin * kBlock, all.count * kBlock, 0.F);
  for (std::int64_t filter = 0; filter < all.count; filter += portion.filter_blocks) {
    const Run filters = {all.begin + filter, std::min(portion.filter_blocks, all.count - filter)};
    float* const bias = diff_bias == nullptr ? nullptr : diff_bias + filters.begin * kBlock;
    for (std::int64_t tile = 0; tile < count; tile += portion.tiles) {
      const Run tiles = {tile, std::min(portion.tiles, count - tile)};
      const bool has_inputs = filter > 0 && portion.tiles == count;
      if (!has_inputs) inputs_to_tiles(input_images(problem, src), grid, tiles, inputs);
      output_gradients_to_tiles(output_images(problem, diff_dst), grid, tiles, filters, gradients, bias);
      multiply_backward_weights(inputs, gradients, {tiles.count, channel_blocks, filters.count}, /*add=*/tile > 0,
                                sums);
    }
    tiles_to_weights(sums, channel_blocks, filters, diff_weights);
  }
}

}  // namespace

bool available() {
  return has_avx512();
}

Problem of_input_gradient(const Problem& problem) {
  Problem turned = problem;
  std::swap(turned.channels, turned.filters);
  std::swap(turned.height, turned.output_height);
  std::swap(turned.width, turned.output_width);
  turned.pad_above = 2 - problem.pad_above;
  turned.pad_left = 2 - problem.pad_left;
  return turned;
}

std::size_t forward_scratch_floats(const Problem& problem) {
  return forward_arrays(problem).floats() * std::size_t(problem.threads);
}

std::size_t backward_weights_scratch_floats(const Problem& problem) {
  return backward_arrays(problem).floats() * std::size_t(problem.threads);
}

void forward(const Problem& problem, const void* src, const float* weights, bool turned, const float* bias, void* dst,
             float* scratch) {
  const std::int64_t channel_blocks = problem.channels / kBlock, filter_blocks = problem.filters / kBlock;
  const Weights blocked = turned ? Weights{const_cast<float*>(weights), kWeightBlock, filter_blocks * kWeightBlock}
                                 : Weights{const_cast<float*>(weights), channel_blocks * kWeightBlock, kWeightBlock};
  const std::size_t floats = forward_arrays(problem).floats();
  in_parts(std::size_t(tiles_of(problem)), problem.threads, kProductRows, [&](std::size_t begin, std::size_t end) {
    forward_tiles(problem, src, blocked, turned, bias, dst, scratch + std::size_t(omp_get_thread_num()) * floats,
                  {std::int64_t(begin), std::int64_t(end - begin)});
  });
}

void backward_weights(const Problem& problem, const void* src, const void* diff_dst, float* diff_weights,
                      float* diff_bias, float* scratch) {
  const Weights blocked = {diff_weights, problem.channels / kBlock * kWeightBlock, kWeightBlock};
  const std::size_t floats = backward_arrays(problem).floats();
  in_parts(std::size_t(problem.filters / kBlock), problem.threads, 1, [&](std::size_t begin, std::size_t end) {
    backward_filters(problem, src, diff_dst, blocked, diff_bias, scratch + std::size_t(omp_get_thread_num()) * floats,
                     {std::int64_t(begin), std::int64_t(end - begin)});
  });
}

}  // namespace lockstep::winograd
