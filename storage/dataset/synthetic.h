// A dataset without a file, for tests and benchmarks: any shape, any number of classes, any number of rows.
//
// Label and pixels are a function of (seed, row) alone, from Philox. A class has a mean for each channel of each cell
// of a 4 x 4 grid over the image; a pixel is that mean plus uniform noise, so a network can learn the classes. Threads:
// as Dataset.
#pragma once

#include <memory>

#include "storage/dataset/dataset.h"

namespace lockstep {

struct SyntheticOptions {
  std::int64_t rows = 0;
  ImageShape image;
  PixelType pixel_type = PixelType::kUint8;  // kUint16: the same values times 257; kFloat32: divided by 255
  // kLabels: a row has the label of its class, and no other. kMask: all pixels are of the class of the row. kNumbers:
  // for each class 1 or 0, as labels.
  TargetKind target = TargetKind::kClass;
  int classes = 0;
  std::uint64_t seed = 1;
  // Row 0 of this dataset is this row of the endless one of the seed: a test split starts where the training split
  // ends.
  std::int64_t first_row = 0;
};

// Mean and deviation are those of the first 1,024 rows. Requires: every number within the limits of dataset.h.
std::unique_ptr<Dataset> make_synthetic_dataset(const SyntheticOptions& options);

}  // namespace lockstep
