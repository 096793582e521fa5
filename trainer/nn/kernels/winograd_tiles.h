// The transformations of Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2015, arXiv:1509.09308, section 4.1):
// between images or weights and tiles, where a convolution is 36 matrix products.
//
// Images and weights lie in blocks of 16 channels (nChw16c, OIhw16i16o), so that a value here is a vector of 16
// channels and all arithmetic is between whole vectors. An output tile has 4x4 values; tiles are counted along rows of
// an image, then down, then over images. Beyond the border of an image there are zeros.
//
// Requires: AVX-512; avx512_bf16 where an image is bf16. Threads: any; the functions share nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep::winograd {

inline constexpr std::int64_t kBlock = 16;   // channels of a vector
inline constexpr std::int64_t kTile = 4;     // outputs on each side of a tile
inline constexpr std::int64_t kPatch = 6;    // inputs on each side of a tile
inline constexpr std::int64_t kPlanes = 36;  // kPatch * kPatch
inline constexpr std::int64_t kTaps = 9;

// Images in blocks of channels: data[row][channel / 16][y][x][16].
struct Images {
  void* data = nullptr;
  bool is_bf16 = false;
  std::int64_t rows = 0;
  std::int64_t blocks = 0;  // of channels
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// The tiles of a convolution's output.
struct TileGrid {
  std::int64_t tiles_down = 0;    // of one image
  std::int64_t tiles_across = 0;  // of one image
  std::int64_t pad_above = 0;     // of its input, in pixels
  std::int64_t pad_left = 0;
};

// Transformed values: vector `position` of a block of channels (or, for weights, of filters) in one of the 36 planes.
// A position is a tile, or for weights an input channel.
struct Planes {
  float* data = nullptr;
  std::int64_t positions = 0;  // of one block
  std::int64_t plane = 0;      // floats from plane to plane

  float* at(std::int64_t which, std::int64_t block) const { return data + which * plane + block * positions * kBlock; }
  // The same from this block on.
  Planes from_block(std::int64_t block) const { return {at(0, block), positions, plane}; }
};

// Weights in blocks: filter block f, channel block c begin at data[f * filter_stride + c * channel_stride], and there
// lie [3][3][16 channels][16 filters].
struct Weights {
  float* data = nullptr;
  std::int64_t filter_stride = 0;
  std::int64_t channel_stride = 0;

  // The vector over a block of filters of the first tap of a channel.
  float* at(std::int64_t channel, std::int64_t filter_block) const {
    return data + filter_block * filter_stride + channel / kBlock * channel_stride + channel % kBlock * kBlock;
  }
};

// A run of tiles, and a run of blocks of channels.
struct Run {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

// Patches of 6x6 inputs: V = B^T d B, all blocks of channels.
void inputs_to_tiles(const Images& images, const TileGrid& grid, Run tiles, const Planes& to);

// Gradients of 4x4 outputs: A d A^T, of the blocks of channels `blocks`. Adds their sum over rows and pixels to
// sums[16 * blocks.count], unless that is null.
void output_gradients_to_tiles(const Images& images, const TileGrid& grid, Run tiles, Run blocks, const Planes& to,
                               float* sums);

// 4x4 outputs: A^T m A, of the blocks of channels `blocks`, plus bias[16 * blocks.count] unless that is null.
void tiles_to_outputs(const Planes& from, const float* bias, const TileGrid& grid, Run tiles, Run blocks,
                      const Images& images);

// U = G g G^T of blocks of channels and of filters; `turned`: of g turned by 180 degrees.
void weights_to_tiles(const Weights& weights, Run channel_blocks, Run filter_blocks, bool turned, const Planes& to);

// G^T u G: gradients of the weights of `channel_blocks` blocks of channels and of blocks of filters.
void tiles_to_weights(const Planes& from, std::int64_t channel_blocks, Run filter_blocks, const Weights& weights);

}  // namespace lockstep::winograd
