#include "storage/import/import_idx.h"

#include <gtest/gtest.h>

#include "storage/dataset/hdf5_dataset.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/targets.h"
#include "tests/storage/import/idx_file_maker.h"

namespace lockstep {
namespace {

class ImportIdxTest : public testing::Test {
 protected:
  void SetUp() override {
    write_gzipped(directory_ / "images", idx_bytes({3, 2, 2}, "abcdefghijkl"));
    write_plain(directory_ / "labels", idx_bytes({3}, {0, 1, 1}));
    write_plain(directory_ / "color", idx_bytes({1, 1, 2, 3}, "RGBrgb"));
    write_plain(directory_ / "one_label", idx_bytes({1}, {1}));
  }
  IdxSplit split(const char* name, const char* images, const char* labels) const {
    return {name, directory_ / images, directory_ / labels};
  }
  Status import(std::vector<IdxSplit> splits, std::vector<std::string> class_names = {}) const {
    return import_idx({.splits = std::move(splits), .class_names = std::move(class_names), .progress = {}}, out());
  }
  void expect_bad(const Status& status, const std::vector<std::string>& words) const {
    EXPECT_EQ(exit_code(status), 3) << status;
    for (const auto& word : words) EXPECT_NE(status.message().find(word), std::string::npos) << word << "\n" << status;
    EXPECT_FALSE(std::filesystem::exists(out()));
    EXPECT_FALSE(std::filesystem::exists(out().native() + ".tmp"));
  }
  std::filesystem::path out() const { return directory_ / "out.h5"; }
  TemporaryDirectory directory_;
};

TEST_F(ImportIdxTest, CopiesBothSplits) {
  std::vector<std::string> calls;
  const Status status =
      import_idx({.splits = {split("train", "images", "labels"), split("test", "images", "labels")},
                  .class_names = {"no", "yes"},
                  .compress_level = 3,
                  .progress = [&](const std::string& name, std::int64_t done,
                                  std::int64_t rows) { calls.push_back(fmt::format("{} {}/{}", name, done, rows)); }},
                 out());
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(calls, (std::vector<std::string>{"train 3/3", "test 3/3"}));
  for (const char* group : {"train", "test"}) {
    const auto dataset = open_hdf5_dataset(out(), {.group = group});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ((*dataset)->info().image, (ImageShape{1, 2, 2}));
    EXPECT_EQ((*dataset)->info().class_names, (std::vector<std::string>{"no", "yes"}));
    EXPECT_TRUE(all_targets(**dataset) == (std::vector<float>{0, 1, 1}));
    std::string pixels(8, '\0');
    const std::vector<std::int64_t> rows = {2, 0};
    ASSERT_TRUE((*dataset)->read(rows, std::as_writable_bytes(std::span(pixels.data(), 8))).ok());
    EXPECT_EQ(pixels, "ijklabcd");
  }
}

TEST_F(ImportIdxTest, FourDimensionsGiveChannels) {
  ASSERT_TRUE(import({split("train", "color", "one_label")}).ok());
  const auto dataset = open_hdf5_dataset(out(), {});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->info().image, (ImageShape{3, 1, 2}));
  EXPECT_FLOAT_EQ((*dataset)->info().mean[0], float('R' + 'r') / 2 / 255);
}

TEST_F(ImportIdxTest, ReportsTheFaultsOfAllFilesAtOnce) {
  expect_bad(import({split("train", "labels", "images"), split("test", "missing", "one_label")}),
             {"labels: expected images of 3 or 4 dimensions, got 1 (3); is it the file of labels?",
              "images: expected labels of 1 dimension, got 3 (3x2x2); is it the file of images?",
              "missing: cannot be opened"});
}

TEST_F(ImportIdxTest, RowsOfImagesAndLabelsDiffer) {
  expect_bad(import({split("train", "images", "one_label")}), {"has 3 rows but", "has 1: expected one label an image"});
}

TEST_F(ImportIdxTest, ShapesOfSplitsDiffer) {
  expect_bad(import({split("train", "images", "labels"), split("test", "color", "one_label")}),
             {"train has images of 2x2 but test has 1x2x3"});
}

TEST_F(ImportIdxTest, LabelWithoutClassName) {
  expect_bad(import({split("train", "images", "labels")}, {"no"}), {"train: row 1 has the label 1: expected 0 to 0"});
}

TEST_F(ImportIdxTest, CutShortInTheMiddle) {
  write_plain(directory_ / "images", idx_bytes({3, 2, 2}, "abcdefghij"));
  expect_bad(import({split("train", "images", "labels")}), {"images: is cut short: 3 rows of 4 bytes need 12 bytes"});
}

}  // namespace
}  // namespace lockstep
