// From a stored row to what the network is given: normalization, and while training random changes that depend on
// (seed, epoch, row) alone: a crop and a flip, then those of RandomTransforms on pixels that are not normalized yet.
// Threads: one at a time per object. Allocates nothing after augment().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/augmentation.pb.h"
#include "storage/dataset/dataset.h"
#include "trainer/data/random_transforms.h"

namespace lockstep {

class ImageTransform {
 public:
  // Normalization only: (pixel - mean) / deviation per channel; a pixel of integers counts as value / full_scale().
  ImageTransform(const ImageShape& shape, PixelType type, std::span<const float> mean,
                 std::span<const float> deviation);
  // Targets of this kind from now on: numbers become (number - mean) / deviation, masks move with their images.
  void take_targets(const Target& learned);
  // And random changes from now on. Of encoded rows a random_resized_crop that is the first of the list comes before
  // all others: it is the part of the picture that is decoded.
  void augment(const proto::Augmentation& augmentation, std::uint64_t seed, bool is_encoded = false);
  // Only the middle from now on, `share` of the sides, enlarged to the whole; of encoded rows it is what is decoded.
  void take_centre(float share, bool is_encoded = false);

  std::size_t stored_bytes() const { return shape_.elements() * bytes_per_pixel(type_); }

  // Of an encoded row: the part of its picture that is to be read.
  Window picture_window(std::int64_t epoch, std::int64_t row, const ImageShape& picture) const;
  // stored: (height, width, channels) as in the file. out: (channels, height, width).
  // Where the crop leaves the image the result is zero: the mean colour.
  void apply(std::int64_t epoch, std::int64_t row, std::span<const std::byte> stored, std::span<float> out);
  // The target of the same row. What comes from outside the image is kIgnored in a mask.
  void apply_to_target(std::int64_t epoch, std::int64_t row, std::span<const float> stored, std::span<float> out);

 private:
  struct Placement {
    int top = 0;  // the window's first row and column in the image; may be negative
    int left = 0;
    bool mirror = false;
  };
  Placement place(std::int64_t epoch, std::int64_t row) const;
  void load(const Placement& placement, std::span<const std::byte> stored, std::span<float> out) const;
  void fill_table();

  ImageShape shape_;
  PixelType type_;
  std::vector<float> mean_;
  // Per channel, load() gives fma(value, scale, offset), and `outside` around the image.
  std::vector<float> scale_;    // 1 / deviation; 1 where there are transforms
  std::vector<float> offset_;   // -mean / deviation; 0 where there are transforms
  std::vector<float> outside_;  // 0; the mean where there are transforms
  std::vector<float> table_;    // uint8: (channels, 256) loaded values
  RandomTransforms transforms_;
  std::vector<float> last_scale_, last_offset_;  // of normalization after them
  Target target_;
  std::uint64_t seed_ = 0;
  std::optional<proto::RandomResizedCrop> picture_crop_;
  float picture_share_ = 1;
  std::optional<Warp> centre_;
  std::vector<float> whole_;  // an image of which the centre is taken
  int crop_padding_ = 0;
  float flip_probability_ = 0;
};

}  // namespace lockstep
