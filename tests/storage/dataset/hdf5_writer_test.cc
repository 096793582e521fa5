// The writer leaves a whole file or none, whatever happens.
#include "storage/dataset/hdf5_writer.h"

#include <csignal>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "storage/dataset/hdf5_dataset.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

constexpr std::int64_t kRows = 4;
constexpr ImageShape kImage{1, 64, 64};

// Writes one split whose pixels and labels are all `value`.
Status write_file(const std::filesystem::path& path, int value, int compress_level = 0) {
  ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path, {{}, compress_level}));
  RETURN_IF_ERROR(writer->begin_split("train", kRows, kImage, PixelType::kUint8));
  const std::vector<std::byte> pixels(std::size_t(kRows) * kImage.elements(), std::byte(value));
  RETURN_IF_ERROR(writer->append(pixels, std::vector<std::int32_t>(kRows, value)));
  return writer->finish();
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The label of every row, or -1 when the file does not open.
int value_of(const std::filesystem::path& path) {
  const auto dataset = open_hdf5_dataset(path, {});
  return dataset.ok() ? all_targets(**dataset)[0] : -1;
}

class WriterTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "data.h5"; }
  std::filesystem::path temporary() const { return directory_ / "data.h5.tmp"; }
  TemporaryDirectory directory_;
};

// First, before this process visits a fault point.
TEST_F(WriterTest, FaultsLeaveTheOldFileWhole) {
  const auto write_new = [&] { return exit_code(write_file(path(), 2)); };
  ASSERT_EQ(run_in_child("", [&] { return exit_code(write_file(path(), 1)); }), 0);
  for (const std::string point : {"dataset.write", "dataset.fsync", "dataset.rename"}) {
    EXPECT_EQ(run_in_child((point + ":1:kill").c_str(), write_new), -SIGKILL) << point;
    EXPECT_EQ(value_of(path()), 1) << point;
    EXPECT_TRUE(std::filesystem::exists(temporary())) << point;  // what a crash leaves
    EXPECT_EQ(run_in_child((point + ":1:fail").c_str(), write_new), 74) << point;
    EXPECT_EQ(value_of(path()), 1) << point;
    EXPECT_FALSE(std::filesystem::exists(temporary())) << point;
  }
  EXPECT_EQ(run_in_child("", write_new), 0);  // the control
  EXPECT_EQ(value_of(path()), 2);
}

TEST_F(WriterTest, FullDiskIsAnErrorAndLeavesNothing) {
  ASSERT_TRUE(write_file(path(), 1).ok());
  for (const rlim_t bytes : {rlim_t(1000), rlim_t(6000), rlim_t(20000)}) {
    const int code = run_in_child("", [&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      setrlimit(RLIMIT_FSIZE, &limit);
      const Status status = write_file(path(), 2);
      return status.message().find("data.h5.tmp") != std::string::npos ? exit_code(status) : 99;
    });
    EXPECT_EQ(code, 74) << bytes;
    EXPECT_EQ(value_of(path()), 1) << bytes;
    EXPECT_FALSE(std::filesystem::exists(temporary())) << bytes;
  }
}

TEST_F(WriterTest, SameCallsGiveSameBytes) {
  for (const int level : {0, 5}) {
    ASSERT_TRUE(write_file(directory_ / "a.h5", 3, level).ok());
    ASSERT_TRUE(write_file(directory_ / "b.h5", 3, level).ok());
    EXPECT_EQ(content(directory_ / "a.h5"), content(directory_ / "b.h5"));
  }
}

TEST_F(WriterTest, NumbersClassesUpToTheLargestLabelOfAnySplit) {
  {
    auto writer = *Hdf5DatasetWriter::create(path(), {});
    const std::vector<std::byte> pixel(1);
    ASSERT_TRUE(writer->begin_split("train", 1, {1, 1, 1}, PixelType::kUint8).ok());
    ASSERT_TRUE(writer->append(pixel, std::vector<std::int32_t>{1}).ok());
    ASSERT_TRUE(writer->begin_split("test", 1, {1, 1, 1}, PixelType::kUint8).ok());
    ASSERT_TRUE(writer->append(pixel, std::vector<std::int32_t>{4}).ok());
    ASSERT_TRUE(writer->finish().ok());
  }
  for (const char* group : {"train", "test"}) {
    const auto dataset = open_hdf5_dataset(path(), {.group = group});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ((*dataset)->info().class_names, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  }
}

TEST_F(WriterTest, LabelOutOfRangeNamesTheRow) {
  {
    auto writer = *Hdf5DatasetWriter::create(path(), {{"cat", "dog"}, 0});
    ASSERT_TRUE(writer->begin_split("train", 3, {1, 1, 1}, PixelType::kUint8).ok());
    const Status status = writer->append(std::vector<std::byte>(3), std::vector<std::int32_t>{0, 1, 2});
    EXPECT_EQ(exit_code(status), 3);
    EXPECT_NE(status.message().find("train: row 2 has the label 2: expected 0 to 1"), std::string::npos) << status;
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(WriterTest, TellsWhatIsDecompressedForARow) {
  const auto decompressed = [&](std::int64_t rows, int level) {
    const ImageShape image{.channels = 1, .height = 256, .width = 128};  // two rows a chunk
    const std::vector<std::byte> pixels(image.elements() * std::size_t(rows));
    auto writer = *Hdf5DatasetWriter::create(path(), {.class_names = {}, .compress_level = level});
    EXPECT_TRUE(writer->begin_split("train", rows, image, PixelType::kUint8).ok());
    EXPECT_TRUE(writer->append(pixels, std::vector<std::int32_t>(std::size_t(rows))).ok());
    EXPECT_TRUE(writer->finish().ok());
    return (*open_hdf5_dataset(path(), {}))->info().decompressed_per_row;
  };
  constexpr std::int64_t kMoreThanIsCached = 2100;  // 64 MiB are 2048 rows
  EXPECT_EQ(decompressed(kMoreThanIsCached, 1), 64 << 10);
  EXPECT_EQ(decompressed(kMoreThanIsCached, 0), 0);
  EXPECT_EQ(decompressed(100, 1), 0);
}

TEST_F(WriterTest, NoDirectoryIsAnError) {
  const auto writer = Hdf5DatasetWriter::create(directory_ / "none/data.h5", {});
  EXPECT_EQ(exit_code(writer.status()), 74);
  EXPECT_NE(writer.status().message().find("none/data.h5.tmp"), std::string::npos) << writer.status();
}

}  // namespace
}  // namespace lockstep
