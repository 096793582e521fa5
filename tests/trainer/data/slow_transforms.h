// The slow twin of RandomTransforms: each change written out one pixel at a time in double, from the definitions, with
// the numbers that proto/augmentation.proto and trainer/data/random_transforms.h say are drawn.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/augmentation.pb.h"
#include "storage/base/philox.h"
#include "storage/dataset/dataset.h"

namespace lockstep {

// Planes of an image, and its mask.
struct SlowRow {
  ImageShape shape;
  std::vector<double> image;    // (channels, height, width)
  std::vector<float> mask;      // (height, width)
  std::vector<bool> uncertain;  // of the mask: two pixels are equally near, to the last bits
};

// Changes the row by one transform whose stream is `random`. `mean`: one value a channel.
void change_slowly(const proto::Transform& transform, std::span<const float> mean, Philox random, SlowRow& row);

}  // namespace lockstep
