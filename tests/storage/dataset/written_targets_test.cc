// Targets of each kind: what the writer writes is what the reader reads.
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/hdf5_attributes.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/hdf5_writer.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

constexpr ImageShape kImage{3, 2, 2};
using Names = std::vector<std::string>;

class WrittenTargetsTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "data.h5"; }

  // In two parts, the first of one row.
  Status write(const Hdf5WriterOptions& options, const std::vector<float>& targets, std::size_t rows) const {
    ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path(), options));
    RETURN_IF_ERROR(writer->begin_split("train", std::int64_t(rows), kImage, PixelType::kUint8));
    const std::vector<std::byte> pixels(rows * kImage.elements());
    const std::size_t values = targets.size() / rows;
    const std::span<const std::byte> images = pixels;
    const std::span<const float> all = targets;
    RETURN_IF_ERROR(writer->append(images.first(kImage.elements()), all.first(values)));
    RETURN_IF_ERROR(writer->append(images.subspan(kImage.elements()), all.subspan(values)));
    return writer->finish();
  }

  // The info of what was read, which is what was written; twice, for the bytes.
  DatasetInfo round_trip(const Hdf5WriterOptions& options, const std::vector<float>& targets, std::size_t rows) const {
    std::string before;
    for (int i = 0; i < 2; ++i) {
      const Status status = write(options, targets, rows);
      EXPECT_TRUE(status.ok()) << status;
      std::ifstream file(path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      if (i == 1) {
        EXPECT_EQ(bytes, before);
      }
      before = bytes;
    }
    const auto dataset = open_hdf5_dataset(path(), {});
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    if (!dataset.ok()) return {};
    EXPECT_EQ(all_targets(**dataset), targets);
    EXPECT_EQ((*dataset)->info().target, options.target);
    EXPECT_EQ((*dataset)->info().class_names, options.class_names);
    EXPECT_EQ((*dataset)->info().units, options.units);
    return (*dataset)->info();
  }

  void expect_bad(const Hdf5WriterOptions& options, const std::vector<float>& targets, std::size_t rows,
                  const std::string& words) const {
    const Status status = write(options, targets, rows);
    EXPECT_EQ(exit_code(status), 3) << status;
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
    EXPECT_FALSE(std::filesystem::exists(path()));
  }

  // The bytes of an element of `labels`, and the attribute `ignored`.
  std::pair<std::size_t, std::int64_t> stored() const {
    const auto lock = hdf5_lock();
    const Hdf5File file(H5Fopen(path().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    const Hdf5DatasetId labels(H5Dopen2(file.get(), "train/labels", H5P_DEFAULT));
    const Hdf5Type type(H5Dget_type(labels.get()));
    const Hdf5Attribute attribute(H5Aopen(labels.get(), "ignored", H5P_DEFAULT));
    std::int64_t ignored = 0;
    EXPECT_GE(H5Aread(attribute.get(), H5T_NATIVE_INT64, &ignored), 0);
    return {H5Tget_size(type.get()), ignored};
  }

  TemporaryDirectory directory_;
};

TEST_F(WrittenTargetsTest, Classes) {
  for (const int level : {0, 4}) round_trip({Names{"a", "b"}, level}, {1, 0, 1}, 3);
}

TEST_F(WrittenTargetsTest, Labels) {
  for (const int level : {0, 4}) {
    const Hdf5WriterOptions options{Names{"a", "b", "c"}, level, TargetKind::kLabels};
    const DatasetInfo info = round_trip(options, {1, 0, 1, 0, 0, 0, 1, 1, 1}, 3);
    EXPECT_EQ(info.class_rows, (std::vector<std::int64_t>{2, 1, 2}));
  }
  const Hdf5WriterOptions two{Names{"a", "b"}, 0, TargetKind::kLabels};
  std::filesystem::remove(path());
  expect_bad(two, {0, 1, 0, 2}, 2, "train: row 1 has the label 2: expected 0 or 1");
}

TEST_F(WrittenTargetsTest, Numbers) {
  for (const int level : {0, 4}) {
    const Hdf5WriterOptions options{Names{"age", "depth"}, level, TargetKind::kNumbers, Names{"years", "m"}};
    const DatasetInfo info = round_trip(options, {1.5F, -0.0F, 4.5F, 1e-30F}, 2);
    EXPECT_EQ(info.target_mean[0], 3);
  }
  round_trip({Names{"age"}, 0, TargetKind::kNumbers}, {std::numeric_limits<float>::max(), 1}, 2);
  std::filesystem::remove(path());
  expect_bad({Names{"age"}, 0, TargetKind::kNumbers}, {1, NAN}, 2, "row 1 has the label nan: expected a finite number");
}

TEST_F(WrittenTargetsTest, MasksOfFewClassesAreBytes) {
  for (const std::size_t classes : {std::size_t(3), std::size_t(255)}) {
    for (const int level : {0, 4}) {
      const Hdf5WriterOptions options{numbered_class_names(classes), level, TargetKind::kMask};
      const auto last = float(classes - 1);
      const DatasetInfo info = round_trip(options, {0, 1, kIgnored, last, last, 0, 0, 0}, 2);
      EXPECT_EQ(info.class_rows[classes - 1], 2);
      EXPECT_EQ(stored(), (std::pair<std::size_t, std::int64_t>(1, 255)));
    }
  }
}

TEST_F(WrittenTargetsTest, MasksOfManyClassesAreWide) {
  for (const std::size_t classes : {std::size_t(256), std::size_t(70000)}) {
    const Hdf5WriterOptions options{numbered_class_names(classes), 0, TargetKind::kMask};
    round_trip(options, {0, 255, kIgnored, float(classes - 1), 254, 255, 255, 0}, 2);
    EXPECT_EQ(stored(), (std::pair<std::size_t, std::int64_t>(4, -1)));
  }
}

TEST_F(WrittenTargetsTest, MasksOutOfRange) {
  const Hdf5WriterOptions options{Names{"a", "b"}, 0, TargetKind::kMask};
  for (const float value : {2.0F, 255.0F, -2.0F, 0.5F, NAN}) {
    expect_bad(options, {0, 1, 0, 1, 0, 0, value, 0}, 2, "row 1 has the label ");
  }
}

}  // namespace
}  // namespace lockstep
