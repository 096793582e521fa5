#include "trainer/data/mixing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr ImageShape kShape{.channels = 2, .height = 6, .width = 9};

proto::Augmentation both(float mixup, float cut_mix) {
  proto::Augmentation augmentation;
  augmentation.mutable_mixup()->set_probability(mixup);
  augmentation.mutable_cut_mix()->set_probability(cut_mix);
  return augmentation;
}

std::vector<Blend> drawn(const proto::Augmentation& augmentation, std::int64_t step, int slice, std::size_t rows,
                         std::uint64_t seed = 1) {
  std::vector<Blend> blends(rows);
  Mixing(kShape, augmentation, seed).draw(step, slice, blends);
  return blends;
}

bool same(const std::vector<Blend>& a, const std::vector<Blend>& b) {
  return std::ranges::equal(a, b, [](const Blend& x, const Blend& y) {
    return x.partner == y.partner && x.weight == y.weight && x.window == y.window;
  });
}

// Mean and variance of Beta(a, a): 1/2 and 1 / (4 (2 a + 1)).
TEST(Mixing, SharesAreBeta) {
  for (const float alpha : {0.05F, 0.2F, 1.0F, 3.0F}) {
    constexpr int kDraws = 20000;
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      Philox random(5, Purpose::kMixing, 1, std::uint64_t(i));
      const auto share = double(draw_beta(alpha, random));
      ASSERT_TRUE(share >= 0 && share <= 1) << share;
      sum += share;
      squares += (share - 0.5) * (share - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.015) << alpha;
    EXPECT_NEAR(squares / kDraws, 1 / (4 * (2 * double(alpha) + 1)), 0.006) << alpha;
  }
}

TEST(Mixing, PartnersAreAPermutationThatSeedStepAndSliceDraw) {
  const std::vector<Blend> blends = drawn(both(1, 0), 7, 3, 16);
  std::vector<int> partners;
  for (const Blend& it : blends) partners.push_back(it.partner);
  std::ranges::sort(partners);
  std::vector<int> all(16);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(partners, all);
  EXPECT_TRUE(same(blends, drawn(both(1, 0), 7, 3, 16)));
  EXPECT_FALSE(same(blends, drawn(both(1, 0), 8, 3, 16)));
  EXPECT_FALSE(same(blends, drawn(both(1, 0), 7, 4, 16)));
  EXPECT_FALSE(same(blends, drawn(both(1, 0), 7, 3, 16, 2)));
}

TEST(Mixing, CutMixComesFirstAndMixupWhereItDoesNotHappen) {
  int cut = 0, mixed = 0, alone = 0;
  for (std::int64_t step = 0; step < 200; ++step) {
    for (const Blend& it : drawn(both(0.5F, 0.4F), step, 0, 16)) {
      (it.window.height > 0 || it.window.width > 0 ? cut : it.weight < 1 ? mixed : alone) += 1;
    }
  }
  EXPECT_NEAR(cut / 3200.0, 0.4, 0.05);  // some windows are empty
  EXPECT_NEAR(mixed / 3200.0, 0.3, 0.04);
  EXPECT_NEAR(alone / 3200.0, 0.3, 0.05);
}

// One pixel after another.
TEST(Mixing, BlendsAsItSays) {
  constexpr std::size_t kRows = 4;
  const std::size_t elements = kShape.elements();
  std::vector<float> images(kRows * elements), out(images.size(), -1);
  std::iota(images.begin(), images.end(), 0.F);
  const std::vector<Blend> blends = {
      {.partner = 2, .weight = 0.25F},
      {.partner = 0, .weight = 1},
      {.partner = 3, .weight = 0.5F, .window = {.top = 1, .left = 2, .height = 3, .width = 4}},
      {.partner = 3, .weight = 0.5F}};
  Mixing(kShape, both(1, 1), 1).blend(blends, images, out);
  for (std::size_t i = 0; i < kRows; ++i) {
    for (int c = 0; c < kShape.channels; ++c) {
      for (int y = 0; y < kShape.height; ++y) {
        for (int x = 0; x < kShape.width; ++x) {
          const auto at = [&](std::size_t row) {
            return images[row * elements + std::size_t((c * kShape.height + y) * kShape.width + x)];
          };
          const float own = at(i), other = at(std::size_t(blends[i].partner));
          float expected = own;
          if (i == 0) expected = std::fma(0.25F, own - other, other);
          if (i == 2 && y >= 1 && y < 4 && x >= 2 && x < 6) expected = other;
          EXPECT_EQ(out[i * elements + std::size_t((c * kShape.height + y) * kShape.width + x)], expected)
              << i << " " << c << " " << y << " " << x;
        }
      }
    }
  }
}

TEST(Mixing, TheWeightOfACutIsTheAreaThatStays) {
  proto::Augmentation augmentation;
  augmentation.mutable_cut_mix()->set_probability(1);
  for (std::int64_t step = 0; step < 100; ++step) {
    for (const Blend& it : drawn(augmentation, step, 1, 8)) {
      EXPECT_TRUE(it.window.top >= 0 && it.window.top + it.window.height <= kShape.height);
      EXPECT_TRUE(it.window.left >= 0 && it.window.left + it.window.width <= kShape.width);
      EXPECT_FLOAT_EQ(it.weight, 1 - float(it.window.height * it.window.width) / float(kShape.pixels()));
    }
  }
}

TEST(Mixing, TargetsAreWeightedMeans) {
  const std::vector<Blend> blends = {{.partner = 1, .weight = 0.25F}, {.partner = 0, .weight = 1}};
  std::vector<float> out(4);
  blend_targets(blends, std::vector<float>{1, 0, 0, 2}, out);
  EXPECT_EQ(out, (std::vector<float>{0.25F, 1.5F, 0, 2}));
}

}  // namespace
}  // namespace lockstep
