#include "trainer/loop/augmentation_faults.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/data/random_transforms.h"

namespace lockstep {
namespace {

std::string path_of(int place, std::string_view kind) {
  return fmt::format("data.augmentation.transform[{}].{}", place, kind);
}

void check_range(const std::string& path, std::string_view name, float least, float most, Faults& faults) {
  if (least <= most) return;
  faults.add(fmt::format("{}.min_{}", path, name),
             fmt::format("expected at most max_{} ({}), got {}; exchange them, or "
                         "give both",
                         name, most, least));
}

// What a transform asks of the images.
struct Needs {
  std::string_view name;
  bool many_pixels = false;
  bool integers = false;
  std::vector<int> channels = {};  // any of these; empty: any
};

Needs needs_of(const proto::Transform& transform) {
  switch (transform.kind_case()) {
    case proto::Transform::kVerticalFlip:
      return {.name = "vertical_flip"};
    case proto::Transform::kRandomResizedCrop:
      return {.name = "random_resized_crop", .many_pixels = true};
    case proto::Transform::kAffine:
      return {.name = "affine", .many_pixels = true};
    case proto::Transform::kBrightness:
      return {.name = "brightness", .integers = true};
    case proto::Transform::kContrast:
      return {.name = "contrast", .integers = true, .channels = {1, 3}};
    case proto::Transform::kSaturation:
      return {.name = "saturation", .integers = true, .channels = {3}};
    case proto::Transform::kHue:
      return {.name = "hue", .integers = true, .channels = {3}};
    case proto::Transform::kRandomErasing:
      return {.name = "random_erasing", .many_pixels = true};
    case proto::Transform::KIND_NOT_SET:
      return {};
  }
  return {};
}

void check_needs(int place, const Needs& needs, const DatasetInfo& train, Faults& faults) {
  const std::string path = path_of(place, needs.name);
  if (needs.many_pixels && train.image.pixels() == 1) {
    faults.add(path, "expected images of more than one pixel, got 1 x 1");
  }
  if (needs.integers && train.pixel_type == PixelType::kFloat32) {
    faults.add(path,
               "expected pixels of uint8 or uint16, which have a black and a white, got float32; import the images as "
               "integers, or take it out");
  }
  if (!needs.channels.empty() && std::ranges::find(needs.channels, train.image.channels) == needs.channels.end()) {
    faults.add(path, fmt::format("expected images of {} channels, got {}; take it out",
                                 fmt::join(needs.channels, " or "), train.image.channels));
  }
}

}  // namespace

void check_ranges(const proto::Augmentation& augmentation, Faults& faults) {
  if (augmentation.transform_size() > kTransformLimit) {
    faults.add("data.augmentation.transform",
               fmt::format("expected at most {}, got {}", kTransformLimit, augmentation.transform_size()));
  }
  for (int i = 0; i < augmentation.transform_size(); ++i) {
    const proto::Transform& transform = augmentation.transform(i);
    if (transform.has_random_resized_crop()) {
      const auto& crop = transform.random_resized_crop();
      check_range(path_of(i, "random_resized_crop"), "scale", crop.min_scale(), crop.max_scale(), faults);
      check_range(path_of(i, "random_resized_crop"), "ratio", crop.min_ratio(), crop.max_ratio(), faults);
    } else if (transform.has_affine()) {
      const auto& affine = transform.affine();
      check_range(path_of(i, "affine"), "scale", affine.min_scale(), affine.max_scale(), faults);
    } else if (transform.has_random_erasing()) {
      const auto& erasing = transform.random_erasing();
      check_range(path_of(i, "random_erasing"), "share", erasing.min_share(), erasing.max_share(), faults);
      check_range(path_of(i, "random_erasing"), "ratio", erasing.min_ratio(), erasing.max_ratio(), faults);
    }
  }
}

namespace {

// Blending takes two rows of a slice, and targets of which a weighted mean makes sense.
void check_blending(const char* field, const proto::Job& job, const DatasetInfo& train, Faults& faults) {
  const std::string path = fmt::format("data.augmentation.{}", field);
  if (train.target == TargetKind::kMask) {
    faults.add(path, "blends the targets of two rows, and masks cannot be; take it out");
  }
  if (job.slices() > 0 && job.batch() / job.slices() < 2) {
    faults.add(path,
               fmt::format("blends rows of a slice, and a slice has one row (batch {} in {} slices); take fewer slices",
                           job.batch(), job.slices()));
  }
  if (job.loss().softmax_cross_entropy().has_ignored_label()) {
    faults.add(path,
               "blends rows of two classes, and loss.softmax_cross_entropy.ignored_label counts one of them "
               "nowhere; take either out");
  }
}

}  // namespace

void check_images(const proto::Job& job, const DatasetInfo& train, Faults& faults) {
  const proto::Augmentation& augmentation = job.data().augmentation();
  if (augmentation.has_mixup()) check_blending("mixup", job, train, faults);
  if (augmentation.has_cut_mix()) check_blending("cut_mix", job, train, faults);
  if (job.data().draw() == proto::BY_CLASS && train.target != TargetKind::kClass) {
    faults.add("data.draw",
               fmt::format("BY_CLASS is of rows of one class each, and these have {}", target_nouns(train.target)));
  }
  if (train.image.pixels() == 1 && augmentation.has_random_crop()) {
    faults.add("data.augmentation.random_crop", "expected images of more than one pixel, got 1 x 1");
  }
  for (int i = 0; i < augmentation.transform_size(); ++i) {
    check_needs(i, needs_of(augmentation.transform(i)), train, faults);
  }
}

}  // namespace lockstep
