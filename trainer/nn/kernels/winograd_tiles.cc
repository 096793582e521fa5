// GCC 12 sees an uninitialized value in _mm512_undefined_epi32 of its own header.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "trainer/nn/kernels/winograd_tiles.h"

#include <algorithm>

#include "trainer/nn/kernels/avx512.h"
#include "trainer/tensor/bfloat16.h"

namespace lockstep::winograd {
namespace {

using Vector = __m512;

// A vector in memory.
LOCKSTEP_AVX512_INLINE Vector load(const float* from) {
  return _mm512_load_ps(from);
}
LOCKSTEP_AVX512_INLINE Vector load(const Bfloat16* from) {
  const __m256i halves = _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
LOCKSTEP_AVX512_INLINE Vector load_masked(__mmask16 mask, const float* from) {
  return _mm512_maskz_load_ps(mask, from);
}
LOCKSTEP_AVX512_INLINE Vector load_masked(__mmask16 mask, const Bfloat16* from) {
  const __m256i halves = _mm256_maskz_loadu_epi16(mask, from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
LOCKSTEP_AVX512_INLINE void store(Vector value, float* to) {
  _mm512_store_ps(to, value);
}
// Rounds to the nearest, ties to even; values below the normal ones become zeros.
LOCKSTEP_AVX512_BF16 inline __attribute__((always_inline)) void store(Vector value, Bfloat16* to) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
}

LOCKSTEP_AVX512_INLINE Vector times(float factor, Vector value) {
  return _mm512_mul_ps(_mm512_set1_ps(factor), value);
}
// factor * value + sum.
LOCKSTEP_AVX512_INLINE Vector multiply_add(float factor, Vector value, Vector sum) {
  return _mm512_fmadd_ps(_mm512_set1_ps(factor), value, sum);
}

// The points at which polynomials are taken: 0, kA, -kA, kB, -kB and infinity. Symmetric, so that two rows of a matrix
// share their sums; near 1, and exact with all the products below, for small rounding errors (Barabasz et al. 2018,
// arXiv:1803.10986, is about the choice).
constexpr float kA = 0.625F, kB = 1.5F;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
// The product of each point's distances to the others.
constexpr float kN0 = kA2 * kB2, kNA = 2 * kA2 * (kA2 - kB2), kNB = 2 * kB2 * (kB2 - kA2);

// The five matrices of the paper, each as what it makes of one column: kIn values with a distance of kStride become
// kOut.
struct InputTransform {  // B^T
  static constexpr int kIn = 6, kOut = 6;
  template <int kStride>
  LOCKSTEP_AVX512_INLINE static void apply(const Vector* in, Vector* out) {
    const Vector d0 = in[0], d1 = in[kStride], d2 = in[2 * kStride], d3 = in[3 * kStride], d4 = in[4 * kStride],
                 d5 = in[5 * kStride];
    const Vector even_a = multiply_add(-kB2, d2, d4), odd_a = multiply_add(-kB2, d1, d3);
    const Vector even_b = multiply_add(-kA2, d2, d4), odd_b = multiply_add(-kA2, d1, d3);
    out[0] = multiply_add(kA2 * kB2, d0, multiply_add(-(kA2 + kB2), d2, d4));
    out[kStride] = multiply_add(kA, odd_a, even_a);
    out[2 * kStride] = multiply_add(-kA, odd_a, even_a);
    out[3 * kStride] = multiply_add(kB, odd_b, even_b);
    out[4 * kStride] = multiply_add(-kB, odd_b, even_b);
    out[5 * kStride] = multiply_add(kA2 * kB2, d1, multiply_add(-(kA2 + kB2), d3, d5));
  }
};

struct OutputTransform {  // A^T
  static constexpr int kIn = 6, kOut = 4;
  template <int kStride>
  LOCKSTEP_AVX512_INLINE static void apply(const Vector* in, Vector* out) {
    const Vector first = in[0], last = in[5 * kStride];
    const Vector sum_a = in[kStride] + in[2 * kStride], difference_a = in[kStride] - in[2 * kStride];
    const Vector sum_b = in[3 * kStride] + in[4 * kStride], difference_b = in[3 * kStride] - in[4 * kStride];
    out[0] = first + (sum_a + sum_b);
    out[kStride] = multiply_add(kB, difference_b, times(kA, difference_a));
    out[2 * kStride] = multiply_add(kB2, sum_b, times(kA2, sum_a));
    out[3 * kStride] = multiply_add(kB * kB2, difference_b, multiply_add(kA * kA2, difference_a, last));
  }
};

struct OutputGradientTransform {  // A
  static constexpr int kIn = 4, kOut = 6;
  template <int kStride>
  LOCKSTEP_AVX512_INLINE static void apply(const Vector* in, Vector* out) {
    const Vector y0 = in[0], y1 = in[kStride], y2 = in[2 * kStride], y3 = in[3 * kStride];
    const Vector even_a = multiply_add(kA2, y2, y0), odd_a = multiply_add(kA2, y3, y1);
    const Vector even_b = multiply_add(kB2, y2, y0), odd_b = multiply_add(kB2, y3, y1);
    out[0] = y0;
    out[kStride] = multiply_add(kA, odd_a, even_a);
    out[2 * kStride] = multiply_add(-kA, odd_a, even_a);
    out[3 * kStride] = multiply_add(kB, odd_b, even_b);
    out[4 * kStride] = multiply_add(-kB, odd_b, even_b);
    out[5 * kStride] = y3;
  }
};

struct WeightTransform {  // G
  static constexpr int kIn = 3, kOut = 6;
  template <int kStride>
  LOCKSTEP_AVX512_INLINE static void apply(const Vector* in, Vector* out) {
    const Vector g0 = in[0], g1 = in[kStride], g2 = in[2 * kStride];
    const Vector even_a = multiply_add(1 / kNA, g0, times(kA2 / kNA, g2));
    const Vector even_b = multiply_add(1 / kNB, g0, times(kB2 / kNB, g2));
    out[0] = times(1 / kN0, g0);
    out[kStride] = multiply_add(kA / kNA, g1, even_a);
    out[2 * kStride] = multiply_add(-kA / kNA, g1, even_a);
    out[3 * kStride] = multiply_add(kB / kNB, g1, even_b);
    out[4 * kStride] = multiply_add(-kB / kNB, g1, even_b);
    out[5 * kStride] = g2;
  }
};

struct WeightGradientTransform {  // G^T
  static constexpr int kIn = 6, kOut = 3;
  template <int kStride>
  LOCKSTEP_AVX512_INLINE static void apply(const Vector* in, Vector* out) {
    const Vector first = in[0], last = in[5 * kStride];
    const Vector sum_a = in[kStride] + in[2 * kStride], difference_a = in[kStride] - in[2 * kStride];
    const Vector sum_b = in[3 * kStride] + in[4 * kStride], difference_b = in[3 * kStride] - in[4 * kStride];
    out[0] = multiply_add(1 / kN0, first, multiply_add(1 / kNA, sum_a, times(1 / kNB, sum_b)));
    out[kStride] = multiply_add(kA / kNA, difference_a, times(kB / kNB, difference_b));
    out[2 * kStride] = multiply_add(kA2 / kNA, sum_a, multiply_add(kB2 / kNB, sum_b, last));
  }
};

// T x T^t of a square in rows of kPatch.
template <typename Transform>
LOCKSTEP_AVX512_INLINE void transform(Vector* square) {
#pragma GCC unroll 6
  for (int x = 0; x < Transform::kIn; ++x) Transform::template apply<kPatch>(square + x, square + x);
#pragma GCC unroll 6
  for (int y = 0; y < Transform::kOut; ++y) Transform::template apply<1>(square + y * kPatch, square + y * kPatch);
}

// Of a tile's first output.
struct Place {
  std::int64_t row, y, x;
};

Place place_of(const TileGrid& grid, std::int64_t tile) {
  const std::int64_t of_image = grid.tiles_down * grid.tiles_across;
  const std::int64_t within = tile % of_image;
  return {tile / of_image, within / grid.tiles_across * kTile, within % grid.tiles_across * kTile};
}

void advance(const TileGrid& grid, Place& place) {
  place.x += kTile;
  if (place.x < grid.tiles_across * kTile) return;
  place.x = 0;
  place.y += kTile;
  if (place.y < grid.tiles_down * kTile) return;
  place.y = 0;
  ++place.row;
}

template <typename T>
T* pixel(const Images& images, std::int64_t row, std::int64_t block, std::int64_t y, std::int64_t x) {
  return static_cast<T*>(images.data) +
         (((row * images.blocks + block) * images.height + y) * images.width + x) * kBlock;
}

// Tiles come from memory, or go there, in an order that the processor does not foresee: this one is asked for kAhead
// tiles before its turn.
constexpr std::int64_t kAhead = 2;
enum class Access { kRead = 0, kWrite = 1 };

template <Access kAccess, typename T>
LOCKSTEP_AVX512_INLINE void prefetch_tile(const Images& images, const Place& place, std::int64_t block) {
  if (place.row >= images.rows) return;
  constexpr int kPixelsOfLine = 64 / int(kBlock * sizeof(T));
  const T* const from = pixel<T>(images, place.row, block, place.y, place.x);
#pragma GCC unroll 4
  for (int y = 0; y < kTile; ++y) {
#pragma GCC unroll 4
    for (int x = 0; x < kTile; x += kPixelsOfLine) {
      __builtin_prefetch(from + (y * images.width + x) * kBlock, int(kAccess));
    }
  }
}

// The square of kSize pixels whose first is (y, x); zeros beyond the border.
template <int kSize, typename T>
LOCKSTEP_AVX512_INLINE void read_square(const Images& images, std::int64_t row, std::int64_t block, std::int64_t y,
                                        std::int64_t x, Vector* square) {
  const std::int64_t line = images.width * kBlock;
  const T* from = pixel<T>(images, row, block, y, x);
  if (y >= 0 && x >= 0 && y + kSize <= images.height && x + kSize <= images.width) {
#pragma GCC unroll 6
    for (int i = 0; i < kSize; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < kSize; ++j) square[i * kPatch + j] = load(from + i * line + j * kBlock);
    }
    return;
  }
  // Where the mask is zero nothing is read.
  __mmask16 columns[kSize];
#pragma GCC unroll 6
  for (int j = 0; j < kSize; ++j) columns[j] = x + j >= 0 && x + j < images.width ? 0xffff : 0;
#pragma GCC unroll 6
  for (int i = 0; i < kSize; ++i) {
    const bool is_inside = y + i >= 0 && y + i < images.height;
#pragma GCC unroll 6
    for (int j = 0; j < kSize; ++j) {
      square[i * kPatch + j] = is_inside ? load_masked(columns[j], from + i * line + j * kBlock) : _mm512_setzero_ps();
    }
  }
}

LOCKSTEP_AVX512_INLINE void write_planes(const Vector* square, const Planes& to, std::int64_t block,
                                         std::int64_t position) {
  float* place = to.at(0, block) + position * kBlock;
  const std::int64_t plane = to.plane;
#pragma GCC unroll 36
  for (int i = 0; i < kPlanes; ++i, place += plane) store(square[i], place);
}

LOCKSTEP_AVX512_INLINE void read_planes(const Planes& from, std::int64_t block, std::int64_t position, Vector* square) {
  const float* place = from.at(0, block) + position * kBlock;
  const std::int64_t plane = from.plane;
#pragma GCC unroll 36
  for (int i = 0; i < kPlanes; ++i, place += plane) square[i] = load(place);
}

template <typename T>
LOCKSTEP_AVX512 void read_inputs(const Images& images, const TileGrid& grid, Run tiles, const Planes& to) {
  for (std::int64_t block = 0; block < images.blocks; ++block) {
    Place place = place_of(grid, tiles.begin), ahead = place_of(grid, tiles.begin + kAhead);
    for (std::int64_t i = 0; i < tiles.count; ++i, advance(grid, place), advance(grid, ahead)) {
      Vector square[kPlanes];
      prefetch_tile<Access::kRead, T>(images, ahead, block);
      read_square<kPatch, T>(images, place.row, block, place.y - grid.pad_above, place.x - grid.pad_left, square);
      transform<InputTransform>(square);
      write_planes(square, to, block, i);
    }
  }
}

LOCKSTEP_AVX512_INLINE Vector sum_of_tile(const Vector* square) {
  Vector sum = _mm512_setzero_ps();
#pragma GCC unroll 4
  for (int y = 0; y < kTile; ++y) {
    const Vector* const line = square + y * kPatch;
    sum = sum + ((line[0] + line[1]) + (line[2] + line[3]));
  }
  return sum;
}

template <typename T>
LOCKSTEP_AVX512 void read_output_gradients(const Images& images, const TileGrid& grid, Run tiles, Run blocks,
                                           const Planes& to, float* sums) {
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    Vector sum = _mm512_setzero_ps();
    Place place = place_of(grid, tiles.begin), ahead = place_of(grid, tiles.begin + kAhead);
    for (std::int64_t i = 0; i < tiles.count; ++i, advance(grid, place), advance(grid, ahead)) {
      Vector square[kPlanes];
      prefetch_tile<Access::kRead, T>(images, ahead, blocks.begin + block);
      read_square<kTile, T>(images, place.row, blocks.begin + block, place.y, place.x, square);
      if (sums != nullptr) sum = sum + sum_of_tile(square);
      transform<OutputGradientTransform>(square);
      write_planes(square, to, block, i);
    }
    if (sums != nullptr) store(load(sums + block * kBlock) + sum, sums + block * kBlock);
  }
}

// The instance for float has no instruction of avx512_bf16: only store() to a Bfloat16 brings one.
template <typename T>
LOCKSTEP_AVX512_BF16 void write_outputs(const Planes& from, const float* bias, const TileGrid& grid, Run tiles,
                                        Run blocks, const Images& images) {
  const std::int64_t line = images.width * kBlock;
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    const Vector constant = bias == nullptr ? _mm512_setzero_ps() : load(bias + block * kBlock);
    Place place = place_of(grid, tiles.begin), ahead = place_of(grid, tiles.begin + kAhead);
    for (std::int64_t i = 0; i < tiles.count; ++i, advance(grid, place), advance(grid, ahead)) {
      Vector square[kPlanes];
      prefetch_tile<Access::kWrite, T>(images, ahead, blocks.begin + block);
      read_planes(from, block, i, square);
      transform<OutputTransform>(square);
      T* const to = pixel<T>(images, place.row, blocks.begin + block, place.y, place.x);
#pragma GCC unroll 4
      for (int y = 0; y < kTile; ++y) {
#pragma GCC unroll 4
        for (int x = 0; x < kTile; ++x) {
          const bool is_inside = place.y + y < images.height && place.x + x < images.width;
          if (is_inside) store(square[y * kPatch + x] + constant, to + y * line + x * kBlock);
        }
      }
    }
  }
}

}  // namespace

void inputs_to_tiles(const Images& images, const TileGrid& grid, Run tiles, const Planes& to) {
  (images.is_bf16 ? read_inputs<Bfloat16> : read_inputs<float>)(images, grid, tiles, to);
}

void output_gradients_to_tiles(const Images& images, const TileGrid& grid, Run tiles, Run blocks, const Planes& to,
                               float* sums) {
  (images.is_bf16 ? read_output_gradients<Bfloat16> : read_output_gradients<float>)(images, grid, tiles, blocks, to,
                                                                                    sums);
}

void tiles_to_outputs(const Planes& from, const float* bias, const TileGrid& grid, Run tiles, Run blocks,
                      const Images& images) {
  (images.is_bf16 ? write_outputs<Bfloat16> : write_outputs<float>)(from, bias, grid, tiles, blocks, images);
}

LOCKSTEP_AVX512 void weights_to_tiles(const Weights& weights, Run channel_blocks, Run filter_blocks, bool turned,
                                      const Planes& to) {
  for (std::int64_t filter = 0; filter < filter_blocks.count; ++filter) {
    for (std::int64_t channel = 0; channel < channel_blocks.count * kBlock; ++channel) {
      const float* const from = weights.at(channel_blocks.begin * kBlock + channel, filter_blocks.begin + filter);
      Vector square[kPlanes];
#pragma GCC unroll 9
      for (int tap = 0; tap < kTaps; ++tap) {
        square[tap / 3 * kPatch + tap % 3] = load(from + (turned ? kTaps - 1 - tap : tap) * kBlock * kBlock);
        __builtin_prefetch(from + tap * kBlock * kBlock + weights.channel_stride);  // the next block of channels
      }
      transform<WeightTransform>(square);
      write_planes(square, to, filter, channel);
    }
  }
}

LOCKSTEP_AVX512 void tiles_to_weights(const Planes& from, std::int64_t channel_blocks, Run filter_blocks,
                                      const Weights& weights) {
  for (std::int64_t filter = 0; filter < filter_blocks.count; ++filter) {
    for (std::int64_t channel = 0; channel < channel_blocks * kBlock; ++channel) {
      Vector square[kPlanes];
      read_planes(from, filter, channel, square);
      transform<WeightGradientTransform>(square);
      float* const to = weights.at(channel, filter_blocks.begin + filter);
#pragma GCC unroll 9
      for (int tap = 0; tap < kTaps; ++tap) store(square[tap / 3 * kPatch + tap % 3], to + tap * kBlock * kBlock);
    }
  }
}

}  // namespace lockstep::winograd
