#include "storage/dataset/row_groups.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/mean_image.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

using Rows = std::vector<std::int64_t>;

// Rows of 1 x `pixels` that are to be `targets`.
OnlyTargets rows_of(TargetKind kind, std::vector<std::string> names, std::vector<float> targets, int pixels = 1) {
  DatasetInfo info;
  info.image = {1, 1, pixels};
  info.target = kind;
  info.class_names = std::move(names);
  info.rows = std::int64_t(targets.size() / info.target_values());
  TargetCounter counter(kind, info.target_values());
  counter.add(targets);
  counter.put(info);
  return {std::move(info), std::move(targets)};
}

std::vector<RowGroup> groups_of(OnlyTargets rows, int each) {
  const StatusOr<std::vector<RowGroup>> groups = group_rows(rows, each);
  EXPECT_TRUE(groups.ok()) << groups.status();
  return groups.ok() ? *groups : std::vector<RowGroup>();
}

TEST(RowGroups, OfClassesSomeFromTheFirstToTheLast) {
  const auto groups = groups_of(rows_of(TargetKind::kClass, {"a", "b", "none"}, {0, 1, 0, 0, 1, 0, 0, 0}), 2);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].name, "a");
  EXPECT_EQ(groups[0].rows, 6);
  EXPECT_EQ(groups[0].shown, (Rows{2, 6}));
  EXPECT_EQ(groups[1].number, 1);
  EXPECT_EQ(groups[1].shown, (Rows{1, 4}));
  EXPECT_EQ(groups[2].rows, 0);
  EXPECT_TRUE(groups[2].shown.empty());
}

TEST(RowGroups, ASmallClassIsShownWhole) {
  std::vector<float> targets(1000, 0);
  for (const std::size_t row : {3, 500, 999}) targets[row] = 1;
  const auto groups = groups_of(rows_of(TargetKind::kClass, {"many", "few"}, targets), 3);
  EXPECT_EQ(groups[1].shown, (Rows{3, 500, 999}));
  EXPECT_EQ(groups[0].shown.size(), 3U);
}

TEST(RowGroups, ARowWithSeveralLabelsIsInSeveral) {
  const auto groups = groups_of(rows_of(TargetKind::kLabels, {"a", "b"}, {1, 1, 0, 0, 0, 1}), 5);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].shown, (Rows{0}));
  EXPECT_EQ(groups[1].shown, (Rows{0, 2}));
  EXPECT_EQ(groups[2].shown, (Rows{1}));
  EXPECT_EQ(groups[2].number, -1);
  EXPECT_EQ(groups_of(rows_of(TargetKind::kLabels, {"a", "b"}, {1, 0}), 5).size(), 2U);
}

TEST(RowGroups, OfMasksThoseWithAPixelOfTheClass) {
  const auto groups =
      groups_of(rows_of(TargetKind::kMask, {"a", "b"}, {0, 0, 1, 1, kIgnored, kIgnored, 1, 0, 1}, 3), 5);
  EXPECT_EQ(groups[0].shown, (Rows{0, 2}));
  EXPECT_EQ(groups[1].shown, (Rows{0, 1, 2}));
}

TEST(RowGroups, OfNumbersTenthsByTheFirst) {
  std::vector<float> targets;
  for (int row = 0; row < 40; ++row) targets.insert(targets.end(), {float(39 - row), 7});
  OnlyTargets rows = rows_of(TargetKind::kNumbers, {"age", "other"}, targets);
  const auto groups = groups_of(std::move(rows), 2);
  ASSERT_EQ(groups.size(), 10U);
  EXPECT_EQ(groups[0].name, "0 to 3");
  EXPECT_EQ(groups[0].note, "age, 0 to 10 %");
  EXPECT_EQ(groups[0].rows, 4);
  EXPECT_EQ(groups[0].shown, (Rows{38, 36}));
  EXPECT_EQ(groups[9].shown, (Rows{2, 0}));
  EXPECT_EQ(groups_of(rows_of(TargetKind::kNumbers, {"n"}, {5, 4, 6}), 9).size(), 3U);
}

// Pixels as given.
class Pixels final : public Dataset {
 public:
  explicit Pixels(std::vector<float> pixels) : pixels_(std::move(pixels)) {
    info_.rows = std::int64_t(pixels_.size() / 2);
    info_.image = {2, 1, 1};
    info_.pixel_type = PixelType::kFloat32;
  }
  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    const auto bytes = std::as_bytes(std::span(pixels_));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::ranges::copy(bytes.subspan(std::size_t(rows[i]) * 8, 8), out.subspan(i * 8).begin());
    }
    return OkStatus();
  }
  Status read_targets(std::span<const std::int64_t>, std::span<float>) override { return bad_data("no targets"); }

 private:
  DatasetInfo info_;
  std::vector<float> pixels_;
};

TEST(MeanImage, IsThatOfAllRowsWithoutWhatIsNotFinite) {
  Pixels pixels({1, -3, 2, std::numeric_limits<float>::quiet_NaN(), 6, 4});
  const StatusOr<MeanImage> mean = mean_image(pixels);
  ASSERT_TRUE(mean.ok()) << mean.status();
  EXPECT_EQ(mean->values, (std::vector<float>{3, 0.5F}));
  EXPECT_EQ(mean->rows, 3);
  EXPECT_EQ(mean->smallest, -3);
  EXPECT_EQ(mean->largest, 6);
}

TEST(MeanImage, IntegersCountAsSharesOfTheirRange) {
  const std::vector<std::byte> stored = {std::byte(0xff), std::byte(0xff), std::byte(0), std::byte(0)};
  std::vector<float> bytes(4), words(2);
  to_values(PixelType::kUint8, stored, bytes);
  to_values(PixelType::kUint16, stored, words);
  EXPECT_EQ(bytes, (std::vector<float>{1, 1, 0, 0}));
  EXPECT_EQ(words, (std::vector<float>{1, 0}));
}

}  // namespace
}  // namespace lockstep
