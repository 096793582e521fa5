// Damaged files: cut short anywhere, and with a byte changed. Each gives a Status or a dataset that keeps its contract,
// without a crash, without much memory and in bounded time.
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storage/base/philox.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/hdf5_writer.h"
#include "tests/storage/base/temporary_directory.h"

// libhdf5 itself loses memory where it refuses a damaged object.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

namespace lockstep {
namespace {

constexpr int kFlips = 200;
constexpr rlim_t kMemoryBytes = rlim_t(1) << 30;
constexpr unsigned kTimeoutSeconds = 120;

enum class Outcome { kOpened, kRefused, kWrong };

std::string good_file(const std::filesystem::path& path, int compress_level) {
  const auto writer = Hdf5DatasetWriter::create(path, {{"a", "b", "c"}, compress_level});
  CHECK(writer.ok());
  CHECK((*writer)->begin_split("train", 6, {1, 3, 3}, PixelType::kUint8, {.longest_path = 20, .lines = true}).ok());
  const std::vector<RowSource> sources(6, {"labels.csv", 3});
  CHECK((*writer)->append(std::vector<std::byte>(54), std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}, sources).ok());
  CHECK((*writer)->finish().ok());
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Of every row.
Status read_sources(Dataset& dataset) {
  for (std::int64_t row = 0; row < dataset.info().rows; ++row) {
    ASSIGN_OR_RETURN(const std::string source, dataset.source(row));
    CHECK(source.size() < 50);
  }
  return OkStatus();
}

// Opens the bytes as a file and reads every row.
Outcome read_everything(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::streamsize(bytes.size()));
  if (const auto splits = list_splits(path); !splits.ok()) {
    if (splits.status().message().find(path.native()) == std::string_view::npos) return Outcome::kWrong;
  }
  const auto dataset = open_hdf5_dataset(path, {});
  if (!dataset.ok()) {
    const bool known = absl::IsDataLoss(dataset.status()) || absl::IsNotFound(dataset.status());
    return known && !dataset.status().message().empty() ? Outcome::kRefused : Outcome::kWrong;
  }
  const DatasetInfo& info = (*dataset)->info();
  bool in_range = true;
  const auto look = [&](std::span<const float> targets) {
    for (const float target : targets) {
      in_range = in_range && target >= 0 && std::size_t(target) < info.class_names.size();
    }
  };
  if (!for_each_target(**dataset, look).ok() || !in_range) return Outcome::kWrong;
  std::vector<std::int64_t> rows(std::size_t(info.rows));
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<std::byte> pixels(rows.size() * info.image.elements() * bytes_per_pixel(info.pixel_type));
  Status status = (*dataset)->read(rows, pixels);
  if (status.ok()) status = read_sources(**dataset);
  if (status.ok()) return Outcome::kOpened;
  return absl::IsDataLoss(status) ? Outcome::kRefused : Outcome::kWrong;
}

// A changed header that asks for absurd memory or time ends the process.
void limit_this_process() {
#ifndef __SANITIZE_ADDRESS__
  const rlimit memory{kMemoryBytes, kMemoryBytes};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &memory), 0);
#endif
  alarm(kTimeoutSeconds);
}

class DamageTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { limit_this_process(); }
  TemporaryDirectory directory_;
};

TEST_P(DamageTest, CutShortIsRefusedAtEveryLength) {
  const std::string good = good_file(directory_ / "good.h5", GetParam());
  ASSERT_EQ(read_everything(directory_ / "whole.h5", good), Outcome::kOpened);
  for (std::size_t length = 0; length < good.size(); length += length < 600 ? 7 : 101) {
    EXPECT_EQ(read_everything(directory_ / "cut.h5", good.substr(0, length)), Outcome::kRefused) << length;
  }
}

TEST_P(DamageTest, ChangedByteGivesStatusOrValidData) {
  const std::string good = good_file(directory_ / "good.h5", GetParam());
  int refused = 0, opened = 0;
  for (std::uint32_t seed = 0; seed < kFlips; ++seed) {
    Philox random(seed, Purpose::kSynthetic, 0, 0);
    std::string bad = good;
    const std::size_t position = random.below(std::uint32_t(bad.size()));
    bad[position] = char(bad[position] ^ (1 + random.below(255)));
    const Outcome outcome = read_everything(directory_ / "changed.h5", bad);
    EXPECT_NE(outcome, Outcome::kWrong) << "seed " << seed << ", byte " << position;
    refused += outcome == Outcome::kRefused;
    opened += outcome == Outcome::kOpened;
  }
  // The control: the bytes hit both what matters and what does not.
  EXPECT_GT(refused, 5);
  EXPECT_GT(opened, 5);
}

INSTANTIATE_TEST_SUITE_P(Storage, DamageTest, testing::Values(0, 6),
                         [](const auto& test) { return test.param == 0 ? "Contiguous" : "Deflated"; });

}  // namespace
}  // namespace lockstep
