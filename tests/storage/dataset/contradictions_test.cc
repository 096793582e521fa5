// What contradicts itself is found, and what is good is left alone.
#include "storage/dataset/contradictions.h"

#include <cstring>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/class_map.h"
#include "storage/dataset/pixel_statistics.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

// Rows in memory; `pixel(row, i)` as stored, of uint8 too.
class Rows final : public Dataset {
 public:
  Rows(std::int64_t rows, ImageShape image, PixelType type, std::function<float(std::int64_t, std::size_t)> pixel)
      : pixel_(std::move(pixel)) {
    info_.rows = rows;
    info_.image = image;
    info_.pixel_type = type;
    info_.class_names = {"a", "b", "c"};
    for (std::int64_t row = 0; row < rows; ++row) labels_.push_back(float(row * 7 % 3));
    count();
    const auto normalization = compute_normalization(*this, "rows");
    info_.mean = normalization->mean;
    info_.deviation = normalization->deviation;
    reads_ = 0;
  }
  // After the labels have changed.
  void count() {
    TargetCounter counter(TargetKind::kClass);
    counter.add(labels_);
    counter.put(info_);
  }
  const DatasetInfo& info() const override { return info_; }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return take_targets(labels_, rows, out);
  }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    reads_ += std::int64_t(rows.size());
    std::byte* at = out.data();
    for (const std::int64_t row : rows) {
      for (std::size_t i = 0; i < info_.image.elements(); ++i) {
        const float value = pixel_(row, i);
        if (info_.pixel_type == PixelType::kUint8) {
          *at++ = std::byte(int(value));
        } else if (info_.pixel_type == PixelType::kUint16) {
          const auto word = std::uint16_t(value);
          std::memcpy(at, &word, sizeof word);
          at += sizeof word;
        } else {
          std::memcpy(at, &value, sizeof value);
          at += sizeof value;
        }
      }
    }
    return OkStatus();
  }

  DatasetInfo info_;
  std::vector<float> labels_;
  std::function<float(std::int64_t, std::size_t)> pixel_;
  std::int64_t reads_ = 0;
};

float noise(std::int64_t row, std::size_t i) {
  return float((std::size_t(row) * 131 + i * 29) % 251);
}

std::unique_ptr<Rows> good_rows(PixelType type = PixelType::kUint8, float scale = 1, std::int64_t rows = 200) {
  return std::make_unique<Rows>(rows, ImageShape{1, 8, 8}, type,
                                [=](std::int64_t row, std::size_t i) { return noise(row, i) * scale; });
}

Findings found(std::initializer_list<Dataset*> splits) {
  std::vector<ExaminedSplit> examined;
  for (Dataset* split : splits) {
    auto one = examine_split("d.h5", examined.empty() ? "train" : "test", "images", "labels", *split);
    EXPECT_TRUE(one.ok()) << one.status();
    examined.push_back(*std::move(one));
  }
  return find_contradictions(examined);
}

void expect_one(const std::vector<std::string>& texts, const std::string& words) {
  ASSERT_EQ(texts.size(), 1U) << fmt::format("{}", fmt::join(texts, "\n"));
  EXPECT_NE(texts[0].find(words), std::string::npos) << texts[0];
}

TEST(Contradictions, NothingIsSaidOfGoodRows) {
  for (const PixelType type : {PixelType::kUint8, PixelType::kUint16, PixelType::kFloat32}) {
    const auto train = good_rows(type), test = good_rows(type);
    const Findings findings = found({train.get(), test.get()});
    EXPECT_TRUE(findings.faults.empty() && findings.warnings.empty())
        << fmt::format("{} {}", fmt::join(findings.faults, ", "), fmt::join(findings.warnings, ", "));
    EXPECT_TRUE(fault_status(findings).ok());
  }
}

TEST(Contradictions, TypesOfTwoScales) {
  const auto bytes = good_rows(), shares = good_rows(PixelType::kFloat32, 1 / 255.0f),
             wide = good_rows(PixelType::kFloat32);
  EXPECT_TRUE(found({bytes.get(), shares.get()}).faults.empty());
  EXPECT_TRUE(found({shares.get(), bytes.get()}).faults.empty());
  const auto words = good_rows(PixelType::kUint16, 257), small_words = good_rows(PixelType::kUint16);
  EXPECT_TRUE(found({words.get(), shares.get()}).faults.empty());
  const Findings same = found({bytes.get(), words.get()});
  EXPECT_TRUE(same.faults.empty() && same.warnings.empty()) << fmt::format("{}", fmt::join(same.warnings, ", "));
  expect_one(found({bytes.get(), small_words.get()}).warnings, "normalized by the mean");  // of 8 bits in 16
  expect_one(
      found({words.get(), wide.get()}).faults,
      "d.h5: test/images has pixels of float32, while group train has uint16: uint16 counts as value / 65535, 0");
  expect_one(found({bytes.get(), wide.get()}).faults,
             "d.h5: test/images has pixels of float32, while group train has uint8");
  expect_one(found({wide.get(), bytes.get()}).faults,
             "d.h5: test/images has pixels of uint8, while group train has float32");
  expect_one(found({shares.get(), wide.get()}).warnings, "normalized by the mean");
  expect_one(found({wide.get(), shares.get()}).warnings, "normalized by the mean");
}

TEST(Contradictions, StatisticsOfOtherPixels) {
  const auto shares = good_rows(PixelType::kFloat32, 1 / 255.0f);
  shares->info_.mean = {125};
  shares->info_.deviation = {72};
  expect_one(found({shares.get()}).warnings, "normalized by the mean 125 and deviation 72 of its attributes");
  // What is often chosen on purpose: nothing at all, one half, ImageNet's.
  for (const auto& [mean, deviation] : {std::pair(0.0f, 1.0f), {0.5f, 0.5f}, {0.485f, 0.229f}}) {
    shares->info_.mean = {mean};
    shares->info_.deviation = {deviation};
    EXPECT_TRUE(found({shares.get()}).warnings.empty()) << mean;
  }
}

TEST(Contradictions, RowsThatWereNeverWritten) {
  const auto rows = good_rows();
  rows->pixel_ = [](std::int64_t row, std::size_t i) { return row < 197 ? noise(row, i) : 0; };
  expect_one(found({rows.get()}).warnings, "of 3 of the 200 rows looked at, the first of them row 197");
  rows->pixel_ = [](std::int64_t row, std::size_t i) { return row % 10 == 0 ? 0 : noise(row, i); };
  expect_one(found({rows.get()}).warnings, "of 20 of the 200 rows");
  rows->pixel_ = [](std::int64_t row, std::size_t i) { return row == 60 || row == 199 ? 0 : noise(row, i); };
  EXPECT_TRUE(found({rows.get()}).warnings.empty());  // some black images

  const auto unlabelled = good_rows();
  std::fill(unlabelled->labels_.begin() + 150, unlabelled->labels_.end(), 0);
  unlabelled->count();
  expect_one(found({unlabelled.get()}).warnings, "d.h5: train/labels is 0 in its last 50 rows");
  std::sort(unlabelled->labels_.rbegin(), unlabelled->labels_.rend());  // in falling order 0 comes last
  unlabelled->count();
  EXPECT_TRUE(found({unlabelled.get()}).warnings.empty());
}

TEST(Contradictions, ClassesWithoutRows) {
  const auto train = good_rows(), test = good_rows();
  for (Rows* rows : {train.get(), test.get()}) {
    for (float& label : rows->labels_) label = label == 1 ? 2 : label;
    rows->count();
  }
  expect_one(found({train.get(), test.get()}).warnings, "train/labels has no row of 1 of its 3 classes: 1 (\"b\")");
  EXPECT_TRUE(found({good_rows().get(), test.get()}).warnings.empty());  // a test split may lack some
}

TEST(Contradictions, ChannelsFirst) {
  const auto warnings = [](int height, int width, int channels) {
    Rows rows(20, ImageShape{channels, height, width}, PixelType::kUint8, noise);
    return found({&rows}).warnings.size();
  };
  EXPECT_EQ(warnings(3, 32, 32), 1U);
  EXPECT_EQ(warnings(1, 28, 28), 1U);
  EXPECT_EQ(warnings(3, 48, 64), 1U);
  EXPECT_EQ(warnings(32, 32, 3), 0U);
  EXPECT_EQ(warnings(28, 28, 1), 0U);
  EXPECT_EQ(warnings(1, 128, 9), 0U);  // signals of nine sensors
  EXPECT_EQ(warnings(3, 3, 64), 0U);
}

TEST(Contradictions, PixelsThatAreNoNumbers) {
  const auto pixel = [](std::int64_t row, std::size_t i) {
    return row % 60 == 17 && i == 9 ? std::numeric_limits<float>::quiet_NaN() : noise(row, i) / 255;
  };
  const auto train = good_rows(PixelType::kFloat32, 1 / 255.0f), bad = good_rows(PixelType::kFloat32, 1 / 255.0f);
  bad->pixel_ = pixel;
  expect_one(found({train.get(), bad.get()}).faults,
             "test/images has pixels that are not finite numbers in rows 17, 77, 137, 197;");
  const Findings learned = found({bad.get()});  // the step that meets one ends the training
  EXPECT_TRUE(learned.faults.empty());
  expect_one(learned.warnings, "rows 17, 77, 137, 197;");
}

TEST(Contradictions, ImagesOfTwoShapes) {
  Rows other(20, ImageShape{3, 8, 8}, PixelType::kUint8, noise);
  expect_one(found({good_rows().get(), &other}).faults,
             "test/images has images of 8 x 8 x 3 (height, width, channels): expected 8 x 8 x 1");
}

TEST(ClassMap, ByNameOrByNumberOrNotAtAll) {
  const auto map = [&](std::vector<std::string> mine, const std::vector<std::string>& names) {
    DatasetInfo info;
    info.class_names = std::move(mine);
    info.class_rows = {1, 1, 1};
    info.class_rows.resize(info.class_names.size(), 0);
    return map_classes(info, names, "the checkpoint");
  };
  using Map = std::vector<std::int32_t>;
  EXPECT_EQ(*map({"a", "b", "c"}, {"a", "b", "c"}), (Map{0, 1, 2}));
  EXPECT_EQ(*map({"c", "a", "b"}, {"a", "b", "c", "d"}), (Map{2, 0, 1}));
  EXPECT_EQ(*map({"0", "1", "2"}, {"0", "1", "2", "3"}), (Map{0, 1, 2}));
  EXPECT_EQ(*map({"2", "0", "1"}, {"0", "1", "2"}), (Map{2, 0, 1}));  // digits are names too
  EXPECT_EQ(*map({"0", "1", "2"}, {"a", "b", "c"}), (Map{0, 1, 2}));  // numbers, for want of names
  EXPECT_EQ(*map({"a", "b", "c"}, {"0", "1", "2"}), (Map{0, 1, 2}));
  EXPECT_EQ(*map({"a", "b", "c", "unused"}, {"c", "b", "a"}), (Map{2, 1, 0, -1}));
  EXPECT_EQ(map({"a", "b", "x"}, {"a", "b", "c"}).status().message(),
            "has rows of class \"x\" (2), which the checkpoint does not have; give the classes of both the same names");
  EXPECT_EQ(map({"0", "1", "2"}, {"a", "b"}).status().message(),
            "has label 2, but the checkpoint has 2 classes, 0 to 1");
  EXPECT_EQ(exit_code(map({"b", "a", "a"}, {"a", "b"}).status()), 3);  // which of the two is it?
}

TEST(ClassMap, RowsTakeTheNames) {
  auto rows = good_rows();
  const std::vector<float> before = rows->labels_;
  const auto renamed = with_classes(std::move(rows), std::vector<std::int32_t>{2, 0, 1}, {"b", "c", "a"});
  EXPECT_EQ(renamed->info().class_names, (std::vector<std::string>{"b", "c", "a"}));
  const std::vector<float> after = all_targets(*renamed);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i], (int(before[i]) + 2) % 3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(renamed->info().class_rows[i], std::ranges::count(after, int(i)));
}

// 1024 rows of 256 KiB, four times what is looked at; in one row the first pixel is another one.
class LargeRows final : public Dataset {
 public:
  LargeRows() {
    info_.rows = 1024;
    info_.image = {1, 512, 512};
    info_.class_names = {"a"};
    info_.class_rows = {1024};
    info_.mean = {0};
    info_.deviation = {1};
  }
  const DatasetInfo& info() const override { return info_; }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return take_targets(labels_, rows, out);
  }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    reads_ += std::int64_t(rows.size());
    std::fill(out.begin(), out.end(), std::byte{7});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == changed_) out[i * info_.image.elements()] = std::byte{8};
    }
    return OkStatus();
  }

  DatasetInfo info_;
  std::vector<float> labels_ = std::vector<float>(1024, 0);
  std::int64_t changed_ = -1;
  std::int64_t reads_ = 0;
};

TEST(PixelSample, CostsTheSameForAnySizeAndSeesBothEnds) {
  LargeRows rows;
  const auto sample = sample_pixels(rows);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(rows.reads_, 256);
  EXPECT_EQ(sample->rows, 256);
  ASSERT_TRUE(sample->hash.has_value());
  for (const std::int64_t row : {std::int64_t(0), std::int64_t(1023)}) {
    rows.changed_ = row;
    EXPECT_NE(sample_pixels(rows)->hash, sample->hash);
  }
  rows.info_.decompressed_per_row = std::size_t(512) << 20;  // two chunks are all that may be inflated
  rows.reads_ = 0;
  const auto dear = sample_pixels(rows);
  EXPECT_EQ(rows.reads_, 8);
  EXPECT_FALSE(dear->hash.has_value());
}

TEST(PixelSample, OfManySmallRowsIsNotEveryRow) {
  for (const std::int64_t rows : {65536, 65537, 200000}) {
    Rows many(rows, ImageShape{1, 1, 2}, PixelType::kUint8, noise);
    EXPECT_EQ(sample_pixels(many)->rows, 65536);
    EXPECT_EQ(many.reads_, 65536);
  }
}

TEST(PixelSample, OfASmallSplitIsEveryRow) {
  const auto rows = good_rows(PixelType::kUint8, 1, 997);
  const auto sample = sample_pixels(*rows);
  EXPECT_EQ(sample->rows, 997);
  EXPECT_EQ(sample->mean, rows->info_.mean);
  EXPECT_EQ(sample->deviation, rows->info_.deviation);
  EXPECT_FLOAT_EQ(sample->largest, 250 / 255.0f);
  for (const std::int64_t changed : {0, 500, 996}) {
    rows->pixel_ = [=](std::int64_t row, std::size_t i) { return row == changed ? 1 : noise(row, i); };
    EXPECT_NE(sample_pixels(*rows)->hash, sample->hash);
  }
}

}  // namespace
}  // namespace lockstep
