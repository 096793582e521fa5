// Rows are opened by all ranks, and looked at by one.
#include "trainer/loop/rows.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/checkpoint/directory.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/hdf5_writer.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"
#include "tests/storage/dataset/targets.h"
#include "tests/trainer/loop/small_job.h"
#include "trainer/comm/thread_communicator.h"
#include "trainer/loop/trainer.h"

namespace lockstep {
namespace {

constexpr std::int64_t kRows = 2000, kSide = 64;
constexpr std::int64_t kPixelBytes = kRows * kSide * kSide;  // 8 MB

void write_rows(const std::filesystem::path& path, std::int64_t last_label = 3) {
  Hdf5FileMaker maker(path);
  maker.add_images({hsize_t(kRows), hsize_t(kSide), hsize_t(kSide), 1});
  std::vector<std::int64_t> labels;
  for (std::int64_t row = 0; row < kRows; ++row) labels.push_back(row % 4);
  labels.back() = last_label;
  maker.add_labels(labels);
}

// Bytes that this process has asked its file system for.
std::int64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::int64_t bytes = 0;
  io >> name >> bytes;
  CHECK(name == "rchar:", "{}", name);
  return bytes;
}

proto::Data data_at(const std::filesystem::path& path) {
  proto::Data data;
  data.set_path(path.string());
  return data;
}

TEST(Rows, StatisticsAreComputedByOneRankAndTheSameOnAll) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "rows.h5";
  write_rows(path);
  const auto alone = open_hdf5_dataset(path, {});
  ASSERT_TRUE(alone.ok()) << alone.status();
  const DatasetInfo& expected = (*alone)->info();
  EXPECT_TRUE((*open_hdf5_dataset(path, {.compute_statistics = false}))->info().mean.empty());

  std::mutex mutex;
  const std::int64_t before = bytes_read();
  run_in_threads(4, [&](Communicator& communicator) {
    const auto rows = open_job_rows(communicator, data_at(path));
    const std::lock_guard lock(mutex);
    ASSERT_TRUE(rows.ok()) << rows.status();
    const DatasetInfo& info = rows->train->info();
    EXPECT_EQ(info.mean, expected.mean);
    EXPECT_EQ(info.deviation, expected.deviation);
    EXPECT_EQ(info.fingerprint, expected.fingerprint);
    EXPECT_EQ(rows->facts.contains(kTrainPixelsFact), communicator.rank() == 0);
    EXPECT_EQ(rows->test, nullptr);
  });
  // One pass for the statistics, one for the look at the pixels.
  EXPECT_LT(bytes_read() - before, 3 * kPixelBytes);
}

TEST(Rows, HostsWithOtherFilesAreRefused) {
  const TemporaryDirectory directory;
  write_rows(directory / "a.h5");
  write_rows(directory / "b.h5", 0);
  std::mutex mutex;
  run_in_threads(2, [&](Communicator& communicator) {
    const auto rows = open_job_rows(communicator, data_at(directory / (communicator.rank() == 0 ? "a.h5" : "b.h5")));
    const std::lock_guard lock(mutex);
    EXPECT_EQ(exit_code(rows.status()), 3);
    EXPECT_NE(rows.status().message().find("rank 1: "), std::string::npos) << rows.status();
    EXPECT_NE(rows.status().message().find("other rows than those that rank 0 reads"), std::string::npos)
        << rows.status();
  });
}

// Turns the pixels of each row around: mean, deviation and labels stay as they are, to the bit.
Status turn_pixels(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path, {.class_names = {"a", "b", "c", "d"}}));
  for (const char* group : {"train", "test"}) {
    ASSIGN_OR_RETURN(const auto rows, open_hdf5_dataset(path, {.group = group}));
    const DatasetInfo& info = rows->info();
    std::vector<std::int64_t> all(static_cast<std::size_t>(info.rows));
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::byte> pixels(all.size() * info.image.elements());
    RETURN_IF_ERROR(rows->read(all, pixels));
    for (auto at = pixels.begin(); at != pixels.end(); at += std::ptrdiff_t(info.image.elements())) {
      std::reverse(at, at + std::ptrdiff_t(info.image.elements()));
    }
    RETURN_IF_ERROR(writer->begin_split(group, info.rows, info.image, info.pixel_type));
    RETURN_IF_ERROR(writer->append(pixels, all_labels(*rows)));
  }
  return writer->finish();
}

TEST(Rows, ChangedPixelsAreSeenThoughTheirStatisticsAreStored) {
  const SmallJob job;
  const std::filesystem::path data = job.directory / "rows.h5";
  const auto one_epoch = [&](const std::string& until) {
    const auto alone = make_solo_communicator();
    return train(*alone, job.options("run", {"execution.stop_after_epochs=" + until}));
  };
  ASSERT_EQ(exit_code(one_epoch("1")), 75);
  const std::uint64_t fingerprint = (*open_hdf5_dataset(data, {}))->info().fingerprint;
  ASSERT_TRUE(turn_pixels(data).ok());
  ASSERT_EQ((*open_hdf5_dataset(data, {}))->info().fingerprint, fingerprint);
  const Status other = one_epoch("2");
  EXPECT_EQ(exit_code(other), 3) << other;
  EXPECT_NE(other.message().find("their pixels"), std::string::npos) << other;

  // The same pixels again are the same rows; a checkpoint of before does not know them, and is accepted.
  ASSERT_TRUE(turn_pixels(data).ok());
  EXPECT_EQ(exit_code(one_epoch("2")), 75);
  StatusOr<Checkpoint> checkpoint = job.result("run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  ASSERT_EQ(checkpoint->facts.erase("train_pixels"), 1U);
  ASSERT_TRUE(write_checkpoint(checkpoint_path(job.directory / "run/checkpoints", checkpoint->step), *checkpoint).ok());
  ASSERT_TRUE(turn_pixels(data).ok());
  EXPECT_EQ(exit_code(one_epoch("3")), 0);
}

}  // namespace
}  // namespace lockstep
