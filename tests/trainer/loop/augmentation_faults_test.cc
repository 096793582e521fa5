// Random changes that cannot be, all told at once.
#include "trainer/loop/augmentation_faults.h"

#include <string>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

using testing::AllOf;
using testing::HasSubstr;

DatasetInfo info_of(int channels, int side, PixelType type) {
  DatasetInfo info;
  info.rows = 1000;
  info.image = {.channels = channels, .height = side, .width = side};
  info.pixel_type = type;
  return info;
}

std::string faults_of(const DatasetInfo& info, const std::string& augmentation) {
  JobDraft draft =
      parse_job("data { path: 'none' augmentation { " + augmentation + " } } model { layer { dense {} } }", "job");
  check_job(info, 1, draft);
  return std::string(draft.faults.status("job").message());
}

const DatasetInfo kFits = info_of(3, 8, PixelType::kUint8);
const std::string kAll = R"(
    random_crop {} horizontal_flip {} transform { vertical_flip {} } transform { random_resized_crop {} }
    transform { affine {} } transform { brightness {} } transform { contrast {} } transform { saturation {} }
    transform { hue {} } transform { random_erasing {} })";

TEST(AugmentationFaults, ThereAreNoneOfWhatFits) {
  EXPECT_EQ(faults_of(kFits, kAll), "");
  EXPECT_EQ(faults_of(info_of(3, 8, PixelType::kUint16), kAll), "");
  EXPECT_EQ(faults_of(info_of(1, 8, PixelType::kUint8), "transform { contrast {} }"), "");
  EXPECT_EQ(faults_of(info_of(7, 8, PixelType::kFloat32), "transform { affine {} } transform { vertical_flip {} }"),
            "");
  EXPECT_EQ(faults_of(kFits, "transform { affine { min_scale: 0.5 max_scale: 0.5 } }"), "");
}

TEST(AugmentationFaults, AreAllToldAtOnce) {
  const std::string faults = faults_of(kFits, R"(
      transform { vertical_flip { probability: 1.5 } } transform { random_resized_crop { max_scale: 0.05 min_ratio: 2 } }
      transform { affine { min_scale: 2 degrees: 190 shear: 90 translation: -0.1 } } transform {}
      transform { random_erasing { min_share: 0.5 max_share: 0.25 max_ratio: 0.1 } }
      transform { brightness { amount: -1 } } transform { hue { amount: 0.6 } })");
  for (const char* const words :
       {"transform[0].vertical_flip.probability: expected at most 1, got 1.5",
        "transform[1].random_resized_crop.min_scale: expected at most max_scale (0.05), got 0.08; exchange them, or "
        "give both",
        "transform[1].random_resized_crop.min_ratio: expected at most max_ratio (1.3333334), got 2",
        "transform[2].affine.min_scale: expected at most max_scale (1), got 2",
        "transform[2].affine.degrees: expected at most 180, got 190",
        "transform[2].affine.shear: expected below 90, got 90", "transform[2].affine.translation: expected at least 0",
        "transform[3]: expected one of",
        "transform[4].random_erasing.min_share: expected at most max_share (0.25), got 0.5",
        "transform[4].random_erasing.min_ratio: expected at most max_ratio (0.1), got 0.3",
        "transform[5].brightness.amount: expected at least 0", "transform[6].hue.amount: expected at most 0.5"}) {
    EXPECT_THAT(faults, HasSubstr(std::string("data.augmentation.") + words));
  }
}

TEST(AugmentationFaults, OfImagesThatDoNotFit) {
  const std::string grey = faults_of(info_of(1, 8, PixelType::kUint8), kAll);
  EXPECT_THAT(grey, AllOf(HasSubstr("transform[5].saturation: expected images of 3 channels, got 1; take it out"),
                          HasSubstr("transform[6].hue: expected images of 3 channels, got 1; take it out"),
                          Not(HasSubstr("contrast")), Not(HasSubstr("brightness"))));
  const std::string floats = faults_of(info_of(5, 8, PixelType::kFloat32), kAll);
  for (const char* const name : {"3].brightness", "4].contrast", "5].saturation", "6].hue"}) {
    EXPECT_THAT(floats, HasSubstr(std::string(name) + ": expected pixels of uint8 or uint16"));
  }
  EXPECT_THAT(floats, HasSubstr("transform[4].contrast: expected images of 1 or 3 channels, got 5"));
  const std::string flat = faults_of(info_of(3, 1, PixelType::kUint8), kAll);
  for (const char* const name :
       {"random_crop", "transform[1].random_resized_crop", "transform[2].affine", "transform[7].random_erasing"}) {
    EXPECT_THAT(flat, HasSubstr(std::string(name) + ": expected images of more than one pixel, got 1 x 1"));
  }
}

TEST(AugmentationFaults, OfTooMany) {
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "transform { vertical_flip {} } ";
  EXPECT_THAT(faults_of(kFits, many), HasSubstr("data.augmentation.transform: expected at most 1000, got 1001"));
}

}  // namespace
}  // namespace lockstep
