#include "trainer/data/image_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "proto/job.pb.h"

namespace lockstep {
namespace {

constexpr ImageShape kShape{.channels = 2, .height = 3, .width = 5};
const std::vector<float> kMean = {0.5F, 0.25F};
const std::vector<float> kDeviation = {2.0F, 0.5F};

std::vector<std::byte> numbered_pixels() {
  std::vector<std::byte> pixels(kShape.elements());
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 7 % 256);
  return pixels;
}

// The slow twin: the window at (top, left), mirrored or not, one pixel at a time.
std::vector<float> window(const std::vector<std::byte>& stored, int top, int left, bool mirror) {
  std::vector<float> out;
  for (int c = 0; c < kShape.channels; ++c) {
    for (int y = 0; y < kShape.height; ++y) {
      for (int x = 0; x < kShape.width; ++x) {
        const int from_y = top + y;
        const int from_x = left + (mirror ? kShape.width - 1 - x : x);
        const bool inside = from_y >= 0 && from_y < kShape.height && from_x >= 0 && from_x < kShape.width;
        const int at = (from_y * kShape.width + from_x) * kShape.channels + c;
        const auto channel = static_cast<std::size_t>(c);
        out.push_back(inside ? (static_cast<float>(stored[static_cast<std::size_t>(at)]) / 255.0F - kMean[channel]) /
                                   kDeviation[channel]
                             : 0.0F);
      }
    }
  }
  return out;
}

// Of a mask.
std::vector<float> mask_window(const std::vector<float>& stored, int top, int left, bool mirror) {
  std::vector<float> out;
  for (int y = 0; y < kShape.height; ++y) {
    for (int x = 0; x < kShape.width; ++x) {
      const int from_y = top + y;
      const int from_x = left + (mirror ? kShape.width - 1 - x : x);
      const bool inside = from_y >= 0 && from_y < kShape.height && from_x >= 0 && from_x < kShape.width;
      out.push_back(inside ? stored[static_cast<std::size_t>(from_y * kShape.width + from_x)] : kIgnored);
    }
  }
  return out;
}

std::byte operator""_b(unsigned long long value) {
  return static_cast<std::byte>(value);
}

bool near(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return std::abs(x - y) < 1e-6F; });
}

TEST(ImageTransform, NormalizesAndPutsChannelsFirst) {
  ImageTransform transform(kShape, PixelType::kUint8, kMean, kDeviation);
  std::vector<std::byte> stored = numbered_pixels();
  stored[0] = 255_b;
  std::vector<float> out(kShape.elements());
  transform.apply(3, 14, stored, out);
  EXPECT_TRUE(near(out, window(stored, 0, 0, false)));
}

// The same formula as for uint8: one fma of a share.
TEST(ImageTransform, Uint16CountsAsAShareOfItsRange) {
  ImageTransform transform(kShape, PixelType::kUint16, kMean, kDeviation);
  std::vector<std::uint16_t> pixels(kShape.elements());
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint16_t>(65535 - i * 1009);
  std::vector<std::byte> stored(transform.stored_bytes());
  ASSERT_EQ(stored.size(), 2 * pixels.size());
  std::memcpy(stored.data(), pixels.data(), stored.size());
  std::vector<float> out(kShape.elements());
  transform.apply(0, 0, stored, out);
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t i = 0; i < kShape.pixels(); ++i) {
      EXPECT_EQ(out[c * kShape.pixels() + i], std::fma(static_cast<float>(pixels[i * 2 + c]) / 65535.0F,
                                                       1 / kDeviation[c], -kMean[c] / kDeviation[c]));
    }
  }
}

TEST(ImageTransform, FloatPixelsAreTakenAsTheyAre) {
  ImageTransform transform(kShape, PixelType::kFloat32, kMean, kDeviation);
  std::vector<float> pixels(kShape.elements());
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
  std::vector<std::byte> stored(transform.stored_bytes());
  std::memcpy(stored.data(), pixels.data(), stored.size());
  std::vector<float> out(kShape.elements());
  transform.apply(0, 0, stored, out);
  EXPECT_FLOAT_EQ(out[0], (0.0F - 0.5F) / 2.0F);
  EXPECT_FLOAT_EQ(out[1], (2.0F - 0.5F) / 2.0F);
  EXPECT_FLOAT_EQ(out[15], (1.0F - 0.25F) / 0.5F);  // the second channel's first pixel
}

TEST(ImageTransform, EveryCropAndFlipIsAWindowOfTheImageAndAllOccur) {
  proto::Augmentation augmentation;
  augmentation.mutable_random_crop()->set_padding(1);
  augmentation.mutable_horizontal_flip();
  ImageTransform transform(kShape, PixelType::kUint8, kMean, kDeviation);
  transform.augment(augmentation, 5);
  const std::vector<std::byte> stored = numbered_pixels();
  std::vector<float> out(kShape.elements());
  std::vector<int> counts(18);
  for (std::int64_t row = 0; row < 1800; ++row) {
    transform.apply(2, row, stored, out);
    int matches = 0;
    for (int which = 0; which < 18; ++which) {
      if (near(out, window(stored, which / 2 / 3 - 1, which / 2 % 3 - 1, which % 2 == 1))) {
        ++matches;
        ++counts[static_cast<std::size_t>(which)];
      }
    }
    ASSERT_EQ(matches, 1) << "row " << row;
  }
  // 100 expected of each; the standard deviation is 9.7.
  EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 50);
  EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 150);
}

TEST(ImageTransform, DependsOnSeedEpochAndRowAlone) {
  proto::Augmentation augmentation;
  augmentation.mutable_random_crop()->set_padding(2);
  ImageTransform a(kShape, PixelType::kUint8, kMean, kDeviation);
  ImageTransform b(kShape, PixelType::kUint8, kMean, kDeviation);
  a.augment(augmentation, 5);
  b.augment(augmentation, 5);
  const std::vector<std::byte> stored = numbered_pixels();
  std::vector<float> first(kShape.elements());
  std::vector<float> second(kShape.elements());
  int other_epoch_differs = 0;
  for (std::int64_t row = 0; row < 50; ++row) {
    b.apply(9, 49 - row, stored, second);  // another history
    a.apply(1, row, stored, first);
    b.apply(1, row, stored, second);
    EXPECT_EQ(first, second);
    b.apply(2, row, stored, second);
    other_epoch_differs += first != second ? 1 : 0;
  }
  EXPECT_GT(other_epoch_differs, 30);
}

// Whatever happens to an image happens to its mask: it is found where the image is.
TEST(ImageTransform, MasksMoveWithTheirImages) {
  proto::Augmentation augmentation;
  augmentation.mutable_random_crop()->set_padding(2);
  augmentation.mutable_horizontal_flip();
  ImageTransform transform(kShape, PixelType::kUint8, kMean, kDeviation);
  transform.augment(augmentation, 5);
  transform.take_targets(
      {.kind = TargetKind::kMask, .names = {"a"}, .units = {}, .mean = {}, .deviation = {}, .pixels = kShape.pixels()});
  const std::vector<std::byte> stored = numbered_pixels();
  std::vector<float> mask(kShape.pixels());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<float>(i);
  std::vector<float> image(kShape.elements()), moved(mask.size());
  int mirrored = 0;
  for (std::int64_t row = 0; row < 50; ++row) {
    transform.apply(1, row, stored, image);
    transform.apply_to_target(1, row, mask, moved);
    bool found = false;
    for (int place = 0; place < 50 && !found; ++place) {
      const int top = place % 5 - 2, left = place / 5 % 5 - 2;
      const bool mirror = place >= 25;
      found = near(image, window(stored, top, left, mirror)) && moved == mask_window(mask, top, left, mirror);
      mirrored += found && mirror ? 1 : 0;
    }
    EXPECT_TRUE(found) << row;
  }
  EXPECT_GT(mirrored, 10);
  EXPECT_LT(mirrored, 40);
}

// Enlarged by two: each pixel of the middle, and the mask with it, again and again.
TEST(ImageTransform, TheCentreIsTheMiddleEnlarged) {
  constexpr ImageShape kEven{.channels = 3, .height = 4, .width = 8};
  const std::vector<float> mean(3, 0.0F), deviation(3, 1.0F);
  std::vector<std::byte> stored(kEven.elements(), 255_b);
  std::vector<float> mask(kEven.pixels(), 1);
  for (int y = 1; y < 3; ++y) {
    for (int x = 2; x < 6; ++x) {
      const auto pixel = static_cast<std::size_t>(y * kEven.width + x);
      mask[pixel] = 0;
      for (std::size_t c = 0; c < 3; ++c) stored[pixel * 3 + c] = static_cast<std::byte>(51 * (c + 1));
    }
  }
  ImageTransform transform(kEven, PixelType::kUint8, mean, deviation);
  Target target;
  target.kind = TargetKind::kMask;
  transform.take_targets(target);
  transform.take_centre(0.5F);
  std::vector<float> out(kEven.elements()), out_mask(mask.size());
  for (int time = 0; time < 2; ++time) {
    transform.apply(0, 0, stored, out);
    transform.apply_to_target(0, 0, mask, out_mask);
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_FLOAT_EQ(out[i], 0.2F * float(i / kEven.pixels() + 1)) << i;
    EXPECT_EQ(out_mask, std::vector<float>(mask.size(), 0.0F));
  }
}

TEST(ImageTransform, NumbersAreStandardisedAndOtherTargetsAreNot) {
  ImageTransform transform(kShape, PixelType::kUint8, kMean, kDeviation);
  const std::vector<float> stored = {3, -1};
  std::vector<float> out(2);
  transform.apply_to_target(0, 0, stored, out);
  EXPECT_EQ(out, stored);
  transform.take_targets(
      {.kind = TargetKind::kNumbers, .names = {"a", "b"}, .units = {}, .mean = {1, 0}, .deviation = {4, 2}});
  transform.apply_to_target(0, 0, stored, out);
  EXPECT_EQ(out, (std::vector<float>{0.5F, -0.5F}));
}

}  // namespace
}  // namespace lockstep
