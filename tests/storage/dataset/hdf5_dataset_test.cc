// Reading: what Hdf5DatasetWriter and others wrote comes back, and the fast path equals its slow twin.
#include "storage/dataset/hdf5_dataset.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>

#include "storage/base/philox.h"
#include "storage/dataset/hdf5_writer.h"
#include "storage/dataset/synthetic.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

std::vector<std::byte> read_rows(Dataset& dataset, const std::vector<std::int64_t>& rows) {
  const auto& info = dataset.info();
  std::vector<std::byte> pixels(rows.size() * info.image.elements() * bytes_per_pixel(info.pixel_type));
  const Status status = dataset.read(rows, pixels);
  EXPECT_TRUE(status.ok()) << status;
  return pixels;
}

std::vector<std::int64_t> all_rows(const Dataset& dataset) {
  std::vector<std::int64_t> rows(std::size_t(dataset.info().rows));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::unique_ptr<Dataset> open_or_fail(const std::filesystem::path& path, const Hdf5DatasetOptions& options = {}) {
  auto dataset = open_hdf5_dataset(path, options);
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

Hdf5DatasetOptions through_library() {
  Hdf5DatasetOptions options;
  options.always_through_library = true;
  return options;
}

// Writes a split in batches of uneven size.
Status write_split(Hdf5DatasetWriter& writer, const std::string& name, Dataset& source) {
  const DatasetInfo& info = source.info();
  RETURN_IF_ERROR(writer.begin_split(name, info.rows, info.image, info.pixel_type));
  for (std::int64_t first = 0, count = 1; first < info.rows; first += count, count = count * 2 + 1) {
    std::vector<std::int64_t> rows(std::size_t(std::min(count, info.rows - first)));
    std::iota(rows.begin(), rows.end(), first);
    std::vector<float> labels(rows.size());
    RETURN_IF_ERROR(source.read_targets(rows, labels));
    const std::vector<std::int32_t> whole(labels.begin(), labels.end());
    RETURN_IF_ERROR(writer.append(read_rows(source, rows), whole));
  }
  return OkStatus();
}

struct Case {
  PixelType type;
  int compress_level;
};

std::string name_of(const Case& storage) {
  return fmt::format("{}{}", pixel_type_name(storage.type), storage.compress_level == 0 ? "Contiguous" : "Deflated");
}

void PrintTo(const Case& storage, std::ostream* out) {
  *out << name_of(storage);
}

class RoundTripTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) {
      SyntheticOptions options{.rows = 700 - i * 400, .image = {3, 9, 11}, .pixel_type = GetParam().type, .classes = 7};
      options.first_row = i * 700;
      sources_.push_back(make_synthetic_dataset(options));
    }
    auto writer = Hdf5DatasetWriter::create(path(), {.class_names = {"a", "b", "c", "d", "e", "f", "\xc3\xa9 g"},
                                                     .compress_level = GetParam().compress_level});
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE(write_split(**writer, "train", *sources_[0]).ok());
    ASSERT_TRUE(write_split(**writer, "test", *sources_[1]).ok());
    const Status status = (*writer)->finish();
    ASSERT_TRUE(status.ok()) << status;
  }
  std::filesystem::path path() const { return directory_ / "data.h5"; }

  TemporaryDirectory directory_;
  std::vector<std::unique_ptr<Dataset>> sources_;
};

TEST_P(RoundTripTest, GivesBackPixelsLabelsAndNames) {
  EXPECT_EQ(*list_splits(path()), (std::vector<std::string>{"train", "test"}));
  for (int i = 0; i < 2; ++i) {
    Hdf5DatasetOptions options;
    options.group = i == 0 ? "train" : "test";
    const auto dataset = open_or_fail(path(), options);
    ASSERT_NE(dataset, nullptr);
    Dataset& source = *sources_[std::size_t(i)];
    EXPECT_EQ(dataset->info().rows, source.info().rows);
    EXPECT_EQ(dataset->info().image, source.info().image);
    EXPECT_EQ(dataset->info().pixel_type, source.info().pixel_type);
    EXPECT_EQ(dataset->info().class_names.back(), "\xc3\xa9 g");
    EXPECT_EQ(all_targets(*dataset), all_targets(source));
    EXPECT_EQ(dataset->info().class_rows, source.info().class_rows);
    EXPECT_EQ(read_rows(*dataset, all_rows(source)), read_rows(source, all_rows(source)));
    EXPECT_EQ(*hdf5_layout(path(), options),
              GetParam().compress_level == 0
                  ? "contiguous"
                  : fmt::format("chunks of {}x9x11x3, shuffle, deflate 6",
                                std::min<std::int64_t>(source.info().rows,
                                                       65536 / std::int64_t(297 * bytes_per_pixel(GetParam().type)))));
  }
}

TEST_P(RoundTripTest, FastPathEqualsSlowTwin) {
  const auto fast = open_or_fail(path());
  const auto slow = open_or_fail(path(), through_library());
  ASSERT_TRUE(fast != nullptr && slow != nullptr);
  EXPECT_EQ(fast->info().fingerprint, slow->info().fingerprint);
  Philox random(7, Purpose::kSynthetic, 0, 0);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::int64_t> rows;
    const std::uint32_t runs = random.below(8);  // random rows, repeated rows and runs of consecutive ones; also none
    for (std::uint32_t i = 0; i < runs; ++i) {
      const std::int64_t first = random.below(700);
      const std::int64_t last = std::min<std::int64_t>(699, first + std::int64_t(random.below(4)));
      for (std::int64_t row = first; row <= last; ++row) rows.push_back(row);
    }
    const auto expected = read_rows(*sources_[0], rows);
    EXPECT_EQ(read_rows(*fast, rows), expected);
    EXPECT_EQ(read_rows(*slow, rows), expected);
  }
}

TEST_P(RoundTripTest, StoredStatisticsAreThoseOfThePixels) {
  const auto dataset = open_or_fail(path());
  ASSERT_NE(dataset, nullptr);
  const auto pixels = read_rows(*dataset, all_rows(*dataset));
  for (std::size_t channel = 0; channel < 3; ++channel) {
    double sum = 0, squares = 0, count = 0;
    for (std::size_t i = channel; i < 700 * 9 * 11 * 3; i += 3, ++count) {
      float value = float(std::to_integer<int>(pixels[i])) / 255;
      std::uint16_t wide;
      if (GetParam().type == PixelType::kFloat32) std::memcpy(&value, &pixels[i * 4], 4);
      if (GetParam().type == PixelType::kUint16) value = float((std::memcpy(&wide, &pixels[i * 2], 2), wide)) / 65535;
      sum += value;
      squares += double(value) * value;
    }
    EXPECT_NEAR(dataset->info().mean[channel], sum / count, 1e-6);
    EXPECT_NEAR(dataset->info().deviation[channel], std::sqrt(squares / count - sum / count * (sum / count)), 1e-6);
  }
}

TEST_P(RoundTripTest, ComputedStatisticsGiveTheSameFingerprint) {
  DatasetInfo stored;
  {
    const auto dataset = open_or_fail(path());
    ASSERT_NE(dataset, nullptr);
    stored = dataset->info();
  }
  {
    const Hdf5File file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    ASSERT_GE(H5Adelete_by_name(file.get(), "train/images", "mean", H5P_DEFAULT), 0);
    ASSERT_GE(H5Adelete_by_name(file.get(), "train/images", "deviation", H5P_DEFAULT), 0);
  }
  const auto computed = open_or_fail(path());
  ASSERT_NE(computed, nullptr);
  EXPECT_EQ(computed->info().mean, stored.mean);
  EXPECT_EQ(computed->info().fingerprint, stored.fingerprint);
}

// Labels that are read with the rows, and those that are held in memory.
TEST_P(RoundTripTest, ManyLabelsAreReadByRow) {
  Hdf5DatasetOptions by_row;
  by_row.most_kept_targets = 699;
  const auto dataset = open_or_fail(path(), by_row);
  const auto kept = open_or_fail(path());
  ASSERT_TRUE(dataset != nullptr && kept != nullptr);
  EXPECT_EQ(dataset->info().fingerprint, kept->info().fingerprint);
  EXPECT_EQ(dataset->info().class_rows, kept->info().class_rows);
  const std::vector<std::int64_t> rows = {699, 3, 4, 5, 0, 3, 698};
  std::vector<float> got(rows.size(), -1), expected(rows.size(), -2);
  ASSERT_TRUE(dataset->read_targets(rows, got).ok());
  ASSERT_TRUE(kept->read_targets(rows, expected).ok());
  EXPECT_EQ(got, expected);
  EXPECT_EQ(read_rows(*dataset, rows), read_rows(*kept, rows));
}

INSTANTIATE_TEST_SUITE_P(Storage, RoundTripTest,
                         testing::Values(Case{PixelType::kUint8, 0}, Case{PixelType::kUint8, 6},
                                         Case{PixelType::kUint16, 0}, Case{PixelType::kUint16, 6},
                                         Case{PixelType::kFloat32, 0}, Case{PixelType::kFloat32, 6}),
                         [](const auto& test) { return name_of(test.param); });

// Files of others: everything that h5py may write in this shape.
class ForeignFileTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "data.h5"; }
  TemporaryDirectory directory_;
};

TEST_F(ForeignFileTest, WithoutChannelsNamesOrStatistics) {
  {
    Hdf5FileMaker maker(path());
    maker.add_images({4, 2, 3});
    maker.add_labels({0, 2, 2, 1}, H5T_STD_U8BE);
  }
  const auto dataset = open_or_fail(path());
  ASSERT_NE(dataset, nullptr);
  const DatasetInfo& info = dataset->info();
  EXPECT_EQ(info.image, (ImageShape{1, 2, 3}));
  EXPECT_EQ(info.class_names, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(all_targets(*dataset), (std::vector<float>{0, 2, 2, 1}));
  EXPECT_FLOAT_EQ(info.mean[0], 11.5f / 255);  // the pixels are 0 to 23
  EXPECT_FLOAT_EQ(info.deviation[0], std::sqrt((24 * 24 - 1) / 12.0f) / 255);
}

TEST_F(ForeignFileTest, UserBlockShiftsTheFastPath) {
  {
    Hdf5FileMaker maker(path(), "train", 1024);
    maker.add_images({4, 2, 3, 1});
    maker.add_labels({0, 1, 0, 1});
  }
  const auto fast = open_or_fail(path());
  const auto slow = open_or_fail(path(), through_library());
  ASSERT_TRUE(fast != nullptr && slow != nullptr);
  EXPECT_EQ(read_rows(*fast, {3, 0}), read_rows(*slow, {3, 0}));
  EXPECT_EQ(std::to_integer<int>(read_rows(*fast, {3})[0]), 18);
}

TEST_F(ForeignFileTest, BigEndianFloatsAreConverted) {
  const std::vector<float> pixels = {1.5f, -2.0f, 0.25f, 8.0f};
  {
    Hdf5FileMaker maker(path());
    maker.add("images", H5T_IEEE_F32BE, {2, 1, 2, 1}, H5T_NATIVE_FLOAT, pixels.data());
    maker.add_labels({0, 1});
  }
  const auto dataset = open_or_fail(path());
  ASSERT_NE(dataset, nullptr);
  EXPECT_EQ(std::memcmp(read_rows(*dataset, {0, 1}).data(), pixels.data(), 16), 0);
}

TEST_F(ForeignFileTest, CompactAndFletcher32AreRead) {
  const Hdf5Properties compact(H5Pcreate(H5P_DATASET_CREATE)), checksum(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(compact.get(), H5D_COMPACT);
  const hsize_t chunk[4] = {3, 1, 3, 1};  // does not divide the rows, and cuts images
  H5Pset_chunk(checksum.get(), 4, chunk);
  H5Pset_fletcher32(checksum.get());
  for (const Hdf5Properties* properties : {&compact, &checksum}) {
    {
      Hdf5FileMaker maker(path());
      maker.add_images({4, 2, 3, 1}, properties->get());
      maker.add_labels({0, 1, 0, 1});
    }
    const auto dataset = open_or_fail(path());
    ASSERT_NE(dataset, nullptr);
    const auto pixels = read_rows(*dataset, {2, 3, 1});
    EXPECT_EQ(std::to_integer<int>(pixels[0]), 12);
    EXPECT_EQ(std::to_integer<int>(pixels[17]), 11);
  }
}

TEST_F(ForeignFileTest, NearestClassNamesCount) {
  for (const bool fixed : {false, true}) {
    {
      Hdf5FileMaker maker(path());
      maker.add_images({1, 1, 1, 1});
      const auto labels = maker.add_labels({1});
      maker.add_names(maker.file(), {"only one"});
      if (fixed) {
        const Hdf5Type type(H5Tcopy(H5T_C_S1));
        H5Tset_size(type.get(), 3);
        H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
        maker.add_attribute(labels.get(), "class_names", type.get(), {2}, "catox\0");
      } else {
        maker.add_names(maker.group(), {"cat", "ox"});
      }
    }
    const auto dataset = open_or_fail(path());
    ASSERT_NE(dataset, nullptr);
    EXPECT_EQ(dataset->info().class_names, (std::vector<std::string>{"cat", "ox"}));
  }
}

TEST_F(ForeignFileTest, OtherNamesOfGroupAndArrays) {
  {
    Hdf5FileMaker maker(path(), "fold");
    const Hdf5Group inner(H5Gcreate2(maker.group(), "one", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    maker.add_images({1, 1, 1, 1});
    maker.add_labels({0});
    H5Lmove(maker.group(), "images", inner.get(), "x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lmove(maker.group(), "labels", inner.get(), "y", H5P_DEFAULT, H5P_DEFAULT);
  }
  EXPECT_NE(open_or_fail(path(), {.group = "fold/one", .images = "x", .labels = "y"}), nullptr);
  EXPECT_TRUE(list_splits(path())->empty());
}

TEST_F(ForeignFileTest, LinksThatAreNoSplitsAreNamed) {
  {
    Hdf5FileMaker maker(path());
    maker.add_images({1, 1, 1, 1});
    maker.add_labels({0});
    const hid_t file = maker.file();
    H5Lcreate_hard(file, "/", file, "self", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "train", file, "twin", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ping", file, "pong", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/pong", file, "ping", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/test", file, "test", H5P_DEFAULT, H5P_DEFAULT);
  }
  EXPECT_EQ(*list_splits(path()), (std::vector<std::string>{"train", "twin"}));
  EXPECT_EQ(*links_passed_over(path()),
            (std::vector<std::string>{"ping is a soft link", "pong is a soft link",
                                      "self is a link back to the group that it is in", "test is an external link"}));
}

TEST_F(ForeignFileTest, PixelsThatAreNotFiniteStayOutOfTheStatistics) {
  const std::vector<float> pixels = {1, std::nanf(""), 3, INFINITY};
  {
    Hdf5FileMaker maker(path());
    maker.add("images", H5T_IEEE_F32LE, {2, 1, 2, 1}, H5T_NATIVE_FLOAT, pixels.data());
    maker.add_labels({0, 1});
  }
  const auto dataset = open_or_fail(path());
  ASSERT_NE(dataset, nullptr);
  EXPECT_EQ(dataset->info().mean, std::vector<float>{2});
  EXPECT_EQ(dataset->info().deviation, std::vector<float>{1});
  EXPECT_EQ(std::memcmp(read_rows(*dataset, {0, 1}).data(), pixels.data(), 16), 0);
}

TEST_F(ForeignFileTest, CutShortWhileOpen) {
  {
    Hdf5FileMaker maker(path());
    maker.add_images({1000, 4, 4, 1});
    maker.add_labels(std::vector<std::int64_t>(1000, 0));
  }
  const auto dataset = open_or_fail(path());
  ASSERT_NE(dataset, nullptr);
  std::filesystem::resize_file(path(), 4096);
  std::vector<std::byte> pixels(16);
  const std::int64_t row = 999;
  const Status status = dataset->read(std::span(&row, 1), pixels);
  EXPECT_EQ(exit_code(status), 3);
  EXPECT_NE(status.message().find("data.h5: train/images: rows 999 to 999"), std::string::npos) << status;
}

TEST(FingerprintTest, ChangesWithEverythingItCovers) {
  DatasetInfo base;
  base.rows = 2;
  base.image = {1, 2, 3};
  base.class_names = {"ab", "c"};
  base.mean = {0.5f};
  base.deviation = {1};
  const auto fingerprint_of = [&](const DatasetInfo& info, std::vector<float> labels = {0, 1}) {
    OnlyTargets rows(base, std::move(labels));
    return *dataset_fingerprint(info, rows);
  };
  std::vector<DatasetInfo> others(8, base);
  others[0].image = {2, 1, 3};
  others[1].pixel_type = PixelType::kFloat32;
  others[2].class_names = {"a", "bc"};
  others[3].mean = {std::nextafter(0.5f, 1.0f)};
  others[4].deviation = {2};
  others[5].rows = 3;
  others[6].target = TargetKind::kLabels;
  others[7].target = TargetKind::kNumbers;
  const std::uint64_t fingerprint = fingerprint_of(base);
  for (const DatasetInfo& other : others) EXPECT_NE(fingerprint_of(other), fingerprint);
  EXPECT_NE(fingerprint_of(base, {1, 0}), fingerprint);
  EXPECT_EQ(fingerprint_of(DatasetInfo(base)), fingerprint);
}

}  // namespace
}  // namespace lockstep
