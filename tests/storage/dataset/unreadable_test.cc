// What the system cannot read is not a fault of the data: it may be read a second later, or elsewhere.
#include <filesystem>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/job.pb.h"
#include "storage/base/file.h"
#include "storage/base/text_proto.h"
#include "storage/checkpoint/directory.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/import/idx.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"

namespace lockstep {
namespace {

// No file can be opened while it lives, as where a process has too many: EMFILE, for root too.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit now{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

// From now on reads of the file by this process fail (EISDIR), as they do when a disk does: a directory takes its
// place.
void break_reads(const std::filesystem::path& path) {
  const int directory = ::open("/", O_RDONLY | O_DIRECTORY);
  int broken = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path(), error) != path) continue;
    ++broken;
    CHECK(::dup2(directory, std::stoi(entry.path().filename())) >= 0);
  }
  ::close(directory);
  CHECK(broken > 0, "{} is not open", path.string());
}

void write_small_dataset(const std::filesystem::path& path) {
  Hdf5FileMaker maker(path);
  maker.add_images({4, 300, 300, 1});  // a row is more than libhdf5 reads ahead
  maker.add_labels({0, 1, 0, 1});
}

class UnreadableTest : public testing::Test {
 protected:
  static void expect_exit(int code, const Status& status, const std::string& word = "") {
    EXPECT_EQ(exit_code(status), code) << status;
    EXPECT_NE(std::string(status.message()).find(word), std::string::npos) << status;
  }
  std::filesystem::path loop() const {
    const std::filesystem::path path = directory_ / "loop";
    std::error_code error;
    std::filesystem::create_symlink(path, path, error);
    return path;
  }
  TemporaryDirectory directory_;
};

TEST_F(UnreadableTest, ADatasetThatCannotBeOpened) {
  const std::filesystem::path path = directory_ / "rows.h5";
  write_small_dataset(path);
  expect_exit(0, open_hdf5_dataset(path, {}).status());  // the control
  expect_exit(3, open_hdf5_dataset(directory_ / "none.h5", {}).status(), "no such file");
  expect_exit(74, open_hdf5_dataset(loop(), {}).status(), "symbolic links");
  std::ofstream(directory_ / "text.h5") << "not HDF5";
  expect_exit(3, open_hdf5_dataset(directory_ / "text.h5", {}).status(), "no HDF5 file");
  const NoDescriptors none;
  expect_exit(74, open_hdf5_dataset(path, {}).status(), "Too many open files");
}

TEST_F(UnreadableTest, RowsThatCannotBeRead) {
  for (const bool through_library : {false, true}) {
    const std::filesystem::path path = directory_ / (through_library ? "a.h5" : "b.h5");
    write_small_dataset(path);
    auto dataset = open_hdf5_dataset(path, {.always_through_library = through_library});
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    std::vector<std::byte> pixels(300 * 300);
    expect_exit(0, (*dataset)->read(std::vector<std::int64_t>{0}, pixels));
    break_reads(path);
    expect_exit(74, (*dataset)->read(std::vector<std::int64_t>{3}, pixels), "Is a directory");
  }
}

TEST_F(UnreadableTest, AnIdxFile) {
  std::ofstream(directory_ / "labels") << "no IDX file, but long enough for one";
  expect_exit(3, IdxReader::open(directory_ / "labels").status());
  expect_exit(3, IdxReader::open(directory_ / "none").status(), "cannot be opened");
  expect_exit(74, IdxReader::open(loop()).status(), "symbolic links");
  expect_exit(3, IdxReader::open(directory_.path()).status(), "expected a file, got a directory");
  const NoDescriptors none;
  expect_exit(74, IdxReader::open(directory_ / "labels").status(), "Too many open files");
}

TEST_F(UnreadableTest, AJob) {
  std::ofstream(directory_ / "job.pbtxt") << "batch: 3";
  const auto read = [&](const std::filesystem::path& path) {
    proto::Job job;
    Faults faults;
    return read_text_proto(path, job, faults);
  };
  expect_exit(0, read(directory_ / "job.pbtxt"));
  expect_exit(2, read(directory_ / "none.pbtxt"), "no such file");
  expect_exit(74, read(loop()), "symbolic links");
  expect_exit(2, read(directory_.path()), "expected a file, got a directory");
  const NoDescriptors none;
  expect_exit(74, read(directory_ / "job.pbtxt"), "Too many open files");
}

TEST_F(UnreadableTest, ACheckpointIsNotPassedOverForAnOlderOne) {
  Checkpoint checkpoint;
  for (const std::int64_t step : {1, 2}) {
    checkpoint.step = step;
    ASSERT_TRUE(write_checkpoint(checkpoint_path(directory_.path(), step), checkpoint).ok());
  }
  int skipped = 0;
  const auto newest = [&] {
    return newest_good_checkpoint(directory_.path(), [&](const auto&, const Status&) { ++skipped; }).status();
  };
  expect_exit(0, newest());
  expect_exit(3, read_found_checkpoint(directory_ / "none.h5").status());
  expect_exit(74, read_found_checkpoint(loop()).status());
  std::filesystem::remove(checkpoint_path(directory_.path(), 2));
  std::filesystem::create_symlink(directory_ / "loop", checkpoint_path(directory_.path(), 2));
  expect_exit(74, newest(), "symbolic links");
  EXPECT_EQ(skipped, 0);
}

}  // namespace
}  // namespace lockstep
