// Changes of an image with given numbers, against torchvision.
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/fixture.h"
#include "trainer/data/colour.h"
#include "trainer/data/warp.h"

namespace lockstep {
namespace {

constexpr ImageShape kShape{.channels = 3, .height = 9, .width = 7};
constexpr ImageShape kGrey{.channels = 1, .height = 9, .width = 7};
using Image = std::vector<float>;

std::function<Image(const Image&)> in_place(const std::function<void(Image&)>& change) {
  return [change](Image image) {
    change(image);
    return image;
  };
}

std::function<Image(const Image&)> warped(const Warp& warp) {
  return [warp](const Image& image) {
    Image out(image.size());
    warp_image(warp, kShape, image, Image(3), out);
    return out;
  };
}

struct Case {
  const char* name;  // in the fixture
  std::function<Image(const Image&)> change;
};

const Case kCases[] = {
    {"brightness(0.4)", in_place([](Image& image) { change_brightness(0.4F, image); })},
    {"brightness(1.7)", in_place([](Image& image) { change_brightness(1.7F, image); })},
    {"contrast(0.4)", in_place([](Image& image) { change_contrast(0.4F, 3, image); })},
    {"contrast(1.7)", in_place([](Image& image) { change_contrast(1.7F, 3, image); })},
    {"saturation(0)", in_place([](Image& image) { change_saturation(0, image); })},
    {"saturation(1.7)", in_place([](Image& image) { change_saturation(1.7F, image); })},
    {"hue(-0.5)", in_place([](Image& image) { turn_hue(-0.5F, image); })},
    {"hue(-0.21)", in_place([](Image& image) { turn_hue(-0.21F, image); })},
    {"hue(0.13)", in_place([](Image& image) { turn_hue(0.13F, image); })},
    {"hue(0.4)", in_place([](Image& image) { turn_hue(0.4F, image); })},
    {"affine(30,0,0,1,0)", warped(affine_warp(kShape, {.degrees = 30}, false))},
    {"affine(0,0.5,-1.25,1,0)", warped(affine_warp(kShape, {.translation_x = 0.5, .translation_y = -1.25}, false))},
    {"affine(0,0,0,0.6,0)", warped(affine_warp(kShape, {.scale = 0.6}, false))},
    {"affine(0,0,0,1,25)", warped(affine_warp(kShape, {.shear = 25}, false))},
    {"affine(-160,1.5,2.25,1.3,-20)", warped(affine_warp(kShape, {-160, 1.5, 2.25, 1.3, -20}, false))},
    {"affine_with_edge(-160,1.5,2.25,1.3,-20)", warped(affine_warp(kShape, {-160, 1.5, 2.25, 1.3, -20}, true))},
    {"resized_crop(0,0,9,7)", warped(window_warp(kShape, {0, 0, 9, 7}))},
    {"resized_crop(3,2,5,4)", warped(window_warp(kShape, {3, 2, 5, 4}))},
    {"resized_crop(1,4,7,1)", warped(window_warp(kShape, {1, 4, 7, 1}))},
};

// Some roundings of values up to 1 (6e-8 each) that the factor and the hue's divisions enlarge; a level of 8 bits is
// 4e-3.
constexpr double kTolerance = 2e-6;

TEST(AugmentationGolden, IsThatOfTorchvision) {
  const Fixture fixture = read_fixture("augmentation.fixture");
  const Image& image = fixture.at("image");
  for (const Case& row : kCases) {
    EXPECT_EQ(differences(fixture, row.name, row.change(image), kTolerance), std::vector<std::string>{});
  }
  Image grey(image.begin(), image.begin() + kGrey.elements());
  change_contrast(0.4F, 1, grey);
  EXPECT_EQ(differences(fixture, "grey_contrast(0.4)", grey, kTolerance), std::vector<std::string>{});
  EXPECT_EQ(fixture.size(), std::size(kCases) + 2) << "a record is not compared";
}

}  // namespace
}  // namespace lockstep
