// A look at the pixels of a split that costs the same for any size: all rows of a small one, of a large one 64 pieces
// of consecutive rows from the first to the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// A split of at most so many bytes and rows is read whole; of a larger one as much.
inline constexpr std::size_t kPixelSampleBytes = std::size_t(64) << 20;
inline constexpr std::int64_t kPixelSampleRows = 65536;

struct PixelSample {
  std::int64_t rows = 0;  // that were read
  // Of the finite values; a pixel counts as value / full_scale().
  float smallest = 0, largest = 0;
  std::vector<float> mean, deviation;    // per channel, as in DatasetInfo
  std::vector<std::int64_t> not_finite;  // the first rows with a pixel that is no finite number; at most 8
  std::int64_t flat_rows = 0;            // all their pixels have one value
  std::int64_t flat_at_end = 0;          // of these, those behind all others
  std::int64_t first_flat_row = 0;
  // Of the bytes, by XXH3: the same for the same rows in any layout of the file. None where chunks are so large
  // that only a part of the 64 pieces was read.
  std::optional<std::uint64_t> hash;
};

// Calls `take` with the pixels of the rows that are looked at, some consecutive ones at a time, of which `first` is the
// first. False: of chunks so large only a part of the pieces was read. Errors: those of Dataset::read.
StatusOr<bool> for_each_sampled_piece(
    Dataset& dataset, const std::function<void(std::int64_t first, std::span<const std::byte> pixels)>& take);

// Errors: those of Dataset::read.
StatusOr<PixelSample> sample_pixels(Dataset& dataset);

}  // namespace lockstep
