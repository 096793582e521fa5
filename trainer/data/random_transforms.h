// The list of random changes of a job, `data.augmentation.transform`: what each draws for a row, and what it does.
//
// Transform i of the list draws from a stream that is a function of (seed, epoch, row, i) alone, in this order: one
// number whether it happens; then what the functions below say. Slice, rank and thread do not matter, nor do other
// transforms. Threads: one at a time per object. Allocates nothing after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/augmentation.pb.h"
#include "storage/base/philox.h"
#include "storage/dataset/dataset.h"
#include "trainer/data/warp.h"

namespace lockstep {

// The stream of transform `place` of the list. Requires: row < kRowLimit, place < kTransformLimit.
Philox transform_stream(std::uint64_t seed, std::int64_t epoch, std::int64_t row, std::size_t place);
inline constexpr int kTransformLimit = 1000;

// As torchvision.transforms.RandomResizedCrop.get_params: up to ten times area and logarithm of the ratio, until the
// window fits; then its first line and column.
Window draw_window(const ImageShape& shape, const proto::RandomResizedCrop& crop, Philox& random);
// Angle, shift to the right and down, scale, shear.
AffineNumbers draw_affine(const ImageShape& shape, const proto::Affine& affine, Philox& random);
// Up to ten times area and logarithm of the ratio, until the window fits; then its first line and column. Of no height
// when none has fitted.
Window draw_erased(const ImageShape& shape, const proto::RandomErasing& erasing, Philox& random);
// A factor from 1 - amount, at least 0, to 1 + amount.
float draw_factor(float amount, Philox& random);

class RandomTransforms {
 public:
  using List = google::protobuf::RepeatedPtrField<proto::Transform>;

  RandomTransforms() = default;  // none
  // `mean`: the colour of what is outside, one value a channel. Those before `first` are done elsewhere. Requires: what
  // augmentation_faults admits.
  RandomTransforms(const ImageShape& shape, std::span<const float> mean, const List& list, std::uint64_t seed,
                   std::size_t first = 0);

  bool empty() const { return list_.size() <= first_; }
  // In place, one after another. image: (channels, height, width), values as shares of their range.
  void apply(std::int64_t epoch, std::int64_t row, std::span<float> image);
  // The geometry of the same on the row's mask, (height, width): nearest neighbour, kIgnored from outside.
  void apply_to_mask(std::int64_t epoch, std::int64_t row, std::span<float> mask);

 private:
  // Calls change(transform, stream) of each that happens to the row.
  template <typename Change>
  void for_each(std::int64_t epoch, std::int64_t row, const Change& change) const;
  void change_image(const proto::Transform& transform, Philox& random, std::span<float> image);
  void erase(const Window& window, std::span<float> image) const;
  void warp(const Warp& warp, std::span<float> image);

  ImageShape shape_;
  std::vector<float> mean_;
  std::vector<proto::Transform> list_;
  std::uint64_t seed_ = 0;
  std::size_t first_ = 0;
  std::vector<float> before_;  // an image that is being warped
};

}  // namespace lockstep
