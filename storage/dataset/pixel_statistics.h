// Mean and standard deviation of each channel over all pixels of all rows, in double.
//
// Each row gives its own moments, which are merged in row order (Chan, Golub and LeVeque 1979, "Updating formulae and a
// pairwise algorithm for computing sample variances"): nothing cancels, and the result does not depend on how many rows
// are added at a time. Values that are not finite are left out, so that one bad pixel does not hide which row it is in.
// Threads: one thread per object.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// What pixels are normalized by, per channel.
struct PixelNormalization {
  std::vector<float> mean;
  std::vector<float> deviation;
};

class PixelStatistics {
 public:
  PixelStatistics(ImageShape image, PixelType type);

  // Adds whole rows, (height, width, channels) each. Requires: rows.size() is a multiple of the bytes of a row.
  void add(std::span<const std::byte> rows);

  // As in DatasetInfo: a pixel counts as value / full_scale(); a deviation of 0 becomes 1.
  std::vector<float> mean() const;
  std::vector<float> deviation() const;

 private:
  struct Moments {
    double count = 0;
    double mean = 0;
    double squares = 0;  // sum of squared distances from the mean
  };
  template <typename Pixel>
  void add_integer_row(const std::byte* row);
  void add_float32_row(const std::byte* row);
  void merge(std::size_t channel, const Moments& row);

  std::size_t channels_;
  std::size_t pixels_;
  PixelType type_;
  std::vector<Moments> total_;
};

// Of all rows. Large ones are warned of, with their `name` in front. Errors: those of Dataset::read.
StatusOr<PixelNormalization> compute_normalization(Dataset& rows, std::string_view name);

// The same rows with this mean and deviation in their info, and the fingerprint that follows. Errors: those of
// Dataset::read_targets.
StatusOr<std::unique_ptr<Dataset>> normalized(std::unique_ptr<Dataset> rows, PixelNormalization normalization);

}  // namespace lockstep
