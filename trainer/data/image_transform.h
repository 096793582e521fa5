// From a stored row to what the network is given: normalization, and while training a random crop and flip that depend
// on (seed, epoch, row) alone.
// Threads: apply() may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

namespace proto {
class Augmentation;  // proto/job.pb.h
}

class ImageTransform {
 public:
  // Normalization only: (pixel - mean) / deviation per channel; a pixel of integers counts as value / full_scale().
  ImageTransform(const ImageShape& shape, PixelType type, std::span<const float> mean,
                 std::span<const float> deviation);
  // Targets of this kind from now on: numbers become (number - mean) / deviation, masks move with their images.
  void take_targets(const Target& learned);
  // And random changes from now on.
  void augment(const proto::Augmentation& augmentation, std::uint64_t seed);

  std::size_t stored_bytes() const { return shape_.elements() * bytes_per_pixel(type_); }

  // stored: (height, width, channels) as in the file. out: (channels, height, width).
  // Where the crop leaves the image the result is zero: the mean colour.
  void apply(std::int64_t epoch, std::int64_t row, std::span<const std::byte> stored, std::span<float> out) const;
  // The target of the same row. Where the crop leaves the image, a mask is kIgnored.
  void apply_to_target(std::int64_t epoch, std::int64_t row, std::span<const float> stored, std::span<float> out) const;

 private:
  struct Placement {
    int top = 0;  // the window's first row and column in the image; may be negative
    int left = 0;
    bool mirror = false;
  };
  Placement place(std::int64_t epoch, std::int64_t row) const;

  ImageShape shape_;
  PixelType type_;
  std::vector<float> scale_;   // per channel: 1 / deviation
  std::vector<float> offset_;  // per channel: -mean / deviation
  std::vector<float> table_;   // uint8: (channels, 256) normalized values
  Target target_;
  std::uint64_t seed_ = 0;
  int crop_padding_ = 0;
  float flip_probability_ = 0;
};

}  // namespace lockstep
