#include "trainer/data/random_transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tests/trainer/data/slow_transforms.h"
#include "trainer/data/image_transform.h"

namespace lockstep {
namespace {

constexpr ImageShape kColour{.channels = 3, .height = 11, .width = 14};
constexpr ImageShape kGrey{.channels = 1, .height = 16, .width = 9};
constexpr std::uint64_t kSeed = 5;

proto::Augmentation parsed(const std::string& text) {
  proto::Augmentation augmentation;
  CHECK(google::protobuf::TextFormat::ParseFromString(text, &augmentation));
  return augmentation;
}

std::vector<float> mean_of(const ImageShape& shape) {
  const std::vector<float> mean = {0.5F, 0.25F, 0.375F};
  return {mean.begin(), mean.begin() + shape.channels};
}

std::vector<float> deviation_of(const ImageShape& shape) {
  const std::vector<float> deviation = {0.25F, 0.5F, 0.125F};
  return {deviation.begin(), deviation.begin() + shape.channels};
}

// Any colours, greys, black and white among them.
std::vector<std::byte> stored_image(const ImageShape& shape, std::uint64_t number) {
  Philox random(number, Purpose::kSynthetic, 0, 0);
  std::vector<std::byte> stored;
  for (std::size_t i = 0; i < shape.pixels(); ++i) {
    const std::uint32_t kind = random.below(8), level = random.below(256);
    for (int c = 0; c < shape.channels; ++c) {
      const std::uint32_t value = kind == 0 ? 0 : kind == 1 ? 255 : kind == 2 ? level : random.below(256);
      stored.push_back(static_cast<std::byte>(value));
    }
  }
  return stored;
}

std::vector<float> numbered_mask(const ImageShape& shape) {
  std::vector<float> mask(shape.pixels());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<float>(i);
  return mask;
}

ImageTransform transform_of(const ImageShape& shape, const std::string& augmentation, std::uint64_t seed = kSeed) {
  ImageTransform transform(shape, PixelType::kUint8, mean_of(shape), deviation_of(shape));
  transform.take_targets(
      {.kind = TargetKind::kMask, .names = {"a"}, .units = {}, .mean = {}, .deviation = {}, .pixels = shape.pixels()});
  transform.augment(parsed(augmentation), seed);
  return transform;
}

SlowRow slow_row(const ImageShape& shape, const std::vector<std::byte>& stored) {
  SlowRow row{
      .shape = shape, .image = {}, .mask = numbered_mask(shape), .uncertain = std::vector<bool>(shape.pixels())};
  for (int c = 0; c < shape.channels; ++c) {
    for (std::size_t i = 0; i < shape.pixels(); ++i) {
      row.image.push_back(std::to_integer<int>(stored[i * std::size_t(shape.channels) + std::size_t(c)]) / 255.0);
    }
  }
  return row;
}

struct Row {
  std::vector<float> image, mask;
  bool operator==(const Row&) const = default;
};

Row row_of(ImageTransform& transform, const ImageShape& shape, std::int64_t epoch, std::int64_t row) {
  Row result{std::vector<float>(shape.elements()), std::vector<float>(shape.pixels())};
  transform.apply(epoch, row, stored_image(shape, 1), result.image);
  transform.apply_to_target(epoch, row, numbered_mask(shape), result.mask);
  return result;
}

struct Case {
  std::string augmentation;
  bool any_channels = true;  // else three
  bool varies = true;        // else every row is changed alike
};

class EachTransform : public testing::TestWithParam<Case> {};

const std::vector<Case> kCases = {
    {"transform { vertical_flip {} }"},
    {"transform { random_resized_crop {} }"},
    {"transform { random_resized_crop { min_scale: 0.3 max_scale: 0.4 probability: 0.5 } }"},
    {"transform { random_resized_crop { min_ratio: 3 max_ratio: 3 min_scale: 1 } }", true, false},
    {"transform { random_resized_crop { min_ratio: 0.1 max_ratio: 0.2 min_scale: 0.9 } }", true, false},
    {"transform { random_resized_crop { min_ratio: 1000 max_ratio: 1e30 } }", true, false},
    {"transform { affine {} }"},
    {"transform { affine { degrees: 180 } }"},
    {"transform { affine { degrees: 0 translation: 0.5 } }"},
    {"transform { affine { degrees: 0 min_scale: 0.25 max_scale: 4 } }"},
    {"transform { affine { degrees: 0 shear: 60 } }"},
    {"transform { affine { degrees: 40 translation: 0.2 min_scale: 0.5 max_scale: 1.5 shear: 20 } }"},
    {"transform { affine { degrees: 40 translation: 1 min_scale: 1e-20 border: BORDER_EDGE } }"},
    {"transform { affine { degrees: 40 translation: 0.2 shear: 20 border: BORDER_EDGE } }"},
    {"transform { brightness {} }"},
    {"transform { brightness { amount: 3 } }"},
    {"transform { contrast { amount: 1.5 } }"},
    {"transform { saturation { amount: 2 } }", false},
    {"transform { hue { amount: 0.5 } }", false},
    {"transform { hue {} }", false},
    {"transform { random_erasing { probability: 1 } }"},
    {"transform { random_erasing { min_share: 1 max_share: 1 min_ratio: 0.5 max_ratio: 2 } }"},
    {"transform { affine { degrees: 30 } } transform { vertical_flip {} } transform { contrast {} } "
     "transform { random_resized_crop { min_scale: 0.5 } } transform { brightness {} } "
     "transform { affine { translation: 0.3 border: BORDER_EDGE } }"},
    {"transform { brightness { probability: 0.5 } } transform { hue {} } transform { saturation {} } "
     "transform { random_erasing {} } transform { contrast {} } transform { affine { shear: 10 } }",
     false},
};
INSTANTIATE_TEST_SUITE_P(All, EachTransform, testing::ValuesIn(kCases));

TEST_P(EachTransform, IsItsSlowTwin) {
  const auto& [text, any_channels, varies] = GetParam();
  const proto::Augmentation augmentation = parsed(text);
  for (const ImageShape& shape : any_channels ? std::vector{kColour, kGrey} : std::vector{kColour}) {
    const std::vector<float> mean = mean_of(shape), deviation = deviation_of(shape);
    ImageTransform transform = transform_of(shape, text);
    for (std::int64_t number = 0; number < 30; ++number) {
      const std::vector<std::byte> stored = stored_image(shape, std::uint64_t(number));
      Row row{std::vector<float>(shape.elements()), std::vector<float>(shape.pixels())};
      transform.apply(3, number, stored, row.image);
      transform.apply_to_target(3, number, numbered_mask(shape), row.mask);
      SlowRow slow = slow_row(shape, stored);
      for (int place = 0; place < augmentation.transform_size(); ++place) {
        change_slowly(augmentation.transform(place), mean, transform_stream(kSeed, 3, number, std::size_t(place)),
                      slow);
      }
      for (std::size_t i = 0; i < row.image.size(); ++i) {
        const std::size_t c = i / shape.pixels();
        ASSERT_NEAR(row.image[i], (slow.image[i] - double(mean[c])) / double(deviation[c]), 2e-5)
            << "row " << number << " value " << i;
      }
      for (std::size_t i = 0; i < row.mask.size(); ++i) {
        ASSERT_TRUE(slow.uncertain[i] || row.mask[i] == slow.mask[i])
            << "row " << number << " pixel " << i << ": " << row.mask[i] << ", expected " << slow.mask[i];
      }
    }
  }
}

TEST_P(EachTransform, ChangesRowsAndDependsOnSeedEpochAndRowAlone) {
  const auto& [text, any_channels, varies] = GetParam();
  ImageTransform a = transform_of(kColour, text), b = transform_of(kColour, text);
  ImageTransform other_seed = transform_of(kColour, text, kSeed + 1), none = transform_of(kColour, "");
  int same = 0;
  for (std::int64_t row = 0; row < 50; ++row) {
    row_of(b, kColour, 9, 49 - row);  // another history
    const Row first = row_of(a, kColour, 1, row);
    EXPECT_EQ(first, row_of(b, kColour, 1, row));
    same += first == row_of(none, kColour, 1, row);
    if (!varies) continue;
    same += first == row_of(b, kColour, 2, row);
    same += first == row_of(b, kColour, 1, row + 50);
    same += first == row_of(other_seed, kColour, 1, row);
  }
  EXPECT_LT(same, 130);
}

// Numbers that no change of the program may change: they are in the bits of jobs.
TEST(RandomTransforms, HaveTheStreamsThatTheyHad) {
  EXPECT_EQ(transform_stream(1, 2, 3, 0).next(), 3933615879U);
  EXPECT_EQ(transform_stream(1, 2, 3, 4).next(), 1778824190U);
  EXPECT_EQ(transform_stream(1, 2, kRowLimit - 1, kTransformLimit - 1).next(), 4259186546U);
}

// Two of a kind draw apart, and a change of one leaves the others what they were.
TEST(RandomTransforms, DrawByTheirPlace) {
  ImageTransform one = transform_of(kColour, "transform { vertical_flip {} }");
  ImageTransform never_then = transform_of(
      kColour, "transform { vertical_flip {} } transform { vertical_flip { probability: 0 } } transform { hue {} }");
  ImageTransform second =
      transform_of(kColour, "transform { vertical_flip { probability: 0 } } transform { vertical_flip {} }");
  int alike = 0;
  for (std::int64_t row = 0; row < 200; ++row) {
    const std::vector<float> mask = row_of(one, kColour, 1, row).mask;
    EXPECT_EQ(mask, row_of(never_then, kColour, 1, row).mask);
    alike += mask == row_of(second, kColour, 1, row).mask;
  }
  EXPECT_GT(alike, 60);
  EXPECT_LT(alike, 140);
}

TEST(RandomTransforms, HappenAsOftenAsIsSaid) {
  for (const auto& [probability, least, most] : {std::tuple(0.0, 0, 0), {0.25, 200, 300}, {1.0, 1000, 1000}}) {
    const proto::Augmentation augmentation =
        parsed("transform { vertical_flip { probability: " + std::to_string(probability) + " } }");
    RandomTransforms transforms(kGrey, mean_of(kGrey), augmentation.transform(), kSeed);
    int happened = 0;
    for (std::int64_t row = 0; row < 1000; ++row) {
      std::vector<float> mask = numbered_mask(kGrey);
      transforms.apply_to_mask(0, row, mask);
      happened += mask != numbered_mask(kGrey);
    }
    EXPECT_GE(happened, least);
    EXPECT_LE(happened, most);
  }
}

// What does not happen leaves no trace: not a bit.
TEST(RandomTransforms, OfProbabilityZeroChangeNothing) {
  ImageTransform never = transform_of(kColour, "horizontal_flip {} transform { affine { probability: 0 } }");
  ImageTransform without = transform_of(kColour, "horizontal_flip {}");
  for (std::int64_t row = 0; row < 20; ++row) {
    EXPECT_EQ(row_of(never, kColour, 1, row), row_of(without, kColour, 1, row));
  }
}

// The crop and the flip of before come first, with the draws of before, and around the image is the mean colour.
TEST(RandomTransforms, FollowCropAndFlip) {
  const std::string first = "random_crop { padding: 3 } horizontal_flip {}";
  ImageTransform both = transform_of(kColour, first + " transform { vertical_flip { probability: 1 } }");
  ImageTransform without = transform_of(kColour, first);
  for (std::int64_t row = 0; row < 50; ++row) {
    Row flipped = row_of(without, kColour, 1, row);
    flip_lines(kColour, flipped.image);
    flip_lines(kColour, flipped.mask);
    const Row got = row_of(both, kColour, 1, row);
    EXPECT_EQ(got.mask, flipped.mask);
    for (std::size_t i = 0; i < got.image.size(); ++i) ASSERT_NEAR(got.image[i], flipped.image[i], 1e-6);
  }
}

TEST(RandomTransforms, EraseLeavesTheMask) {
  ImageTransform transform = transform_of(kColour, "transform { random_erasing { probability: 1 } }");
  for (std::int64_t row = 0; row < 20; ++row)
    EXPECT_EQ(row_of(transform, kColour, 1, row).mask, numbered_mask(kColour));
}

// 257 times a value of 8 bits is the same share of the range of 16.
TEST(RandomTransforms, OfUint16AreThoseOfUint8) {
  const std::string text = "transform { affine {} } transform { hue {} } transform { contrast {} }";
  ImageTransform small = transform_of(kColour, text);
  ImageTransform large(kColour, PixelType::kUint16, mean_of(kColour), deviation_of(kColour));
  large.augment(parsed(text), kSeed);
  const std::vector<std::byte> stored = stored_image(kColour, 1);
  std::vector<std::byte> wide(2 * stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) wide[2 * i] = wide[2 * i + 1] = stored[i];
  std::vector<float> a(kColour.elements()), b(kColour.elements());
  small.apply(1, 2, stored, a);
  large.apply(1, 2, wide, b);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5);
}

TEST(RandomTransforms, WindowsAreOfTheirAreaAndEveryPlaceOccurs) {
  constexpr ImageShape shape{.channels = 1, .height = 40, .width = 40};
  proto::RandomResizedCrop crop;
  crop.set_min_scale(0.25);
  crop.set_max_scale(0.25);
  std::map<int, int> tops;
  for (std::int64_t row = 0; row < 2000; ++row) {
    Philox random = transform_stream(kSeed, 0, row, 0);
    const Window window = draw_window(shape, crop, random);
    EXPECT_NEAR(window.height * window.width, 400, 25);
    EXPECT_GE(window.top, 0);
    EXPECT_LE(window.top + window.height, 40);
    ++tops[window.top];
  }
  EXPECT_EQ(tops.begin()->first, 0);
  EXPECT_GE(tops.rbegin()->first, 20);
}

}  // namespace
}  // namespace lockstep
