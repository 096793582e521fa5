// Rows of a slice blended two by two, while training: mixup (Zhang et al. 2017, arXiv:1710.09412) takes a weighted mean
// of two images, CutMix (Yun et al. 2019, arXiv:1905.04899) puts a window of one into the other. The targets are
// blended by the same weights.
//
// Who is blended with whom is a permutation of the slice's rows, a function of (seed, step, slice); what happens to a
// row is one of (seed, step, slice, place in the slice). Threads: const after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/augmentation.pb.h"
#include "storage/base/philox.h"
#include "storage/dataset/dataset.h"
#include "trainer/data/warp.h"

namespace lockstep {

// What happens to one row.
struct Blend {
  std::int32_t partner = 0;  // place in the slice of the row that it is blended with
  float weight = 1;          // its own; the partner's is 1 - weight
  Window window = {};        // of CutMix: what comes from the partner; of no height: a weighted mean
};

// Beta(alpha, alpha), 0 to 1: x / (x + y) of two gamma variates (Marsaglia and Tsang 2000, ACM TOMS 26(3), with the
// exponent of alpha + 1 below 1). Requires: alpha > 0.
float draw_beta(float alpha, Philox& random);

class Mixing {
 public:
  Mixing(const ImageShape& shape, const proto::Augmentation& augmentation, std::uint64_t seed);

  // Whether the job blends rows at all.
  bool active() const { return has_mixup_ || has_cut_mix_; }
  // Of each row of a slice. Allocates nothing where `out` has as many rows as before.
  void draw(std::int64_t step, int slice, std::span<Blend> out) const;
  // images, out: (rows, channels, height, width), not the same memory.
  void blend(std::span<const Blend> blends, std::span<const float> images, std::span<float> out) const;

 private:
  Window draw_cut(float weight, Philox& random) const;

  ImageShape shape_;
  proto::Mixup mixup_;
  proto::CutMix cut_mix_;
  bool has_mixup_ = false, has_cut_mix_ = false;
  std::uint64_t seed_ = 0;
};

// targets, out: (rows, values): the weighted mean of each row's and its partner's.
void blend_targets(std::span<const Blend> blends, std::span<const float> targets, std::span<float> out);

}  // namespace lockstep
