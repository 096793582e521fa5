// Every kind of bad file: refused as bad_data, with words that say what is wrong and where.
#include <fstream>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/hdf5_dataset.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"

namespace lockstep {
namespace {

const std::vector<hsize_t> kDims = {3, 2, 2, 1};
const std::vector<std::int64_t> kLabels = {0, 1, 2};
using Words = std::vector<std::string>;

Hdf5Properties chunked(const std::vector<hsize_t>& chunk) {
  Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(properties.get(), int(chunk.size()), chunk.data());
  return properties;
}

struct BadFile {
  const char* name;
  std::function<void(Hdf5FileMaker&)> make;
  Words words;  // all of them are in the message
};

void PrintTo(const BadFile& file, std::ostream* out) {
  *out << file.name;
}

class BadFileTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadFileTest, IsRefusedWithTheReason) {
  const TemporaryDirectory directory;
  {
    Hdf5FileMaker maker(directory / "bad.h5");
    GetParam().make(maker);
  }
  const auto dataset = open_hdf5_dataset(directory / "bad.h5", {});
  ASSERT_FALSE(dataset.ok());
  EXPECT_EQ(exit_code(dataset.status()), 3) << dataset.status();
  const std::string message(dataset.status().message());
  EXPECT_NE(message.find("bad.h5"), std::string::npos) << message;
  for (const std::string& word : GetParam().words) EXPECT_NE(message.find(word), std::string::npos) << message;
}

std::string test_name(const testing::TestParamInfo<BadFile>& file) {
  return file.param.name;
}

const BadFile kBadContent[] = {
    {"NoImages",
     [](Hdf5FileMaker& maker) { maker.add_labels(kLabels); },
     {"train/images", "there is no images", "there is: labels"}},
    {"NoLabels",
     [](Hdf5FileMaker& maker) { maker.add_images(kDims); },
     {"train/labels", "there is no labels", "there is: images"}},
    {"ImagesIsGroup",
     [](Hdf5FileMaker& maker) {
       Hdf5Group(H5Gcreate2(maker.group(), "images", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       maker.add_labels(kLabels);
     },
     {"train/images", "cannot be opened as a dataset"}},
    {"FewerLabels",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels({0, 1});
     },
     {"train/labels has 2 rows but the images have 3", "one label an image"}},
    {"NegativeLabel",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels({0, -1, 2});
     },
     {"train/labels has 1 of its labels outside", "-1 at row 1"}},
    {"LabelWithoutName",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels({0, 2, 3});
       maker.add_names(maker.group(), {"cat", "dog"});
     },
     {"train/labels has 2 of its labels outside [0, 2)", "2 at row 1"}},
    {"HugeLabel",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels({0, std::numeric_limits<std::int64_t>::max(), 1});
     },
     {"9223372036854775807 at row 1"}},
    {"LabelsOfTwoDimensions",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add("labels", H5T_STD_I64LE, {3, 1}, H5T_NATIVE_INT64, kLabels.data());
     },
     {"train/labels has the shape 3x1: expected one label a row"}},
    {"FloatLabels",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add("labels", H5T_IEEE_F64LE, {3}, H5T_NATIVE_INT64, kLabels.data());
     },
     {"train/labels has elements of type float64: expected integers"}},
    {"ImagesOfTwoDimensions",
     [](Hdf5FileMaker& maker) {
       maker.add_images({3, 4});
       maker.add_labels(kLabels);
     },
     {"train/images has 2 dimensions (3x4): expected 4"}},
    {"ImagesOfFiveDimensions",
     [](Hdf5FileMaker& maker) {
       maker.add_images({3, 2, 2, 1, 1});
       maker.add_labels(kLabels);
     },
     {"train/images has 5 dimensions: expected 1 to 4"}},
    {"ImagesOfDoubles",
     [](Hdf5FileMaker& maker) {
       const std::vector<double> pixels(12, 0.5);
       maker.add("images", H5T_IEEE_F64LE, kDims, H5T_NATIVE_DOUBLE, pixels.data());
       maker.add_labels(kLabels);
     },
     {"train/images has elements of type float64: expected uint8, uint16 or float32"}},
    {"ImagesOfStrings",
     [](Hdf5FileMaker& maker) {
       maker.add("images", H5T_C_S1, kDims, H5T_C_S1, std::string(12, 'a').data());
       maker.add_labels(kLabels);
     },
     {"train/images has elements that are no numbers of at most 8 bytes, but of type string"}},
    {"EmptySplit",
     [](Hdf5FileMaker& maker) {
       maker.add_images({0, 2, 2, 1});
       maker.add_labels({});
     },
     {"2 faults", "train/images has no rows: its shape is 0x2x2x1", "train/labels has the shape 0"}},
    {"EmptyImages",
     [](Hdf5FileMaker& maker) {
       maker.add_images({3, 0, 2, 1});
       maker.add_labels(kLabels);
     },
     {"train/images has the shape 3x0x2x1: expected 1 to"}},
    {"HugeImages",
     [](Hdf5FileMaker& maker) {
       const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
       H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
       H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
       maker.add("images", H5T_STD_U8LE, {1, 32768, 16384, 1}, H5T_NATIVE_UINT8, nullptr, properties.get());
       maker.add_labels({0});
     },
     {"train/images has the shape 1x32768x16384x1: expected 1 to 1099511627776 rows of 1 to 268435456 values"}},
    {"AllFaultsAtOnce",
     [](Hdf5FileMaker& maker) {
       maker.add("images", H5T_STD_I16LE, {3, 2}, H5T_NATIVE_INT16, std::vector<std::int16_t>(6, 0).data());
       maker.add("labels", H5T_IEEE_F64LE, {3, 1}, H5T_NATIVE_INT64, kLabels.data());
       const int number = 1;
       maker.add_attribute(maker.file(), "class_names", H5T_NATIVE_INT, {1}, &number);
     },
     {"5 faults", "train attribute class_names", "train/images has 2 dimensions", "type int16",
      "train/labels has the shape 3x1", "type float64"}},
};

const BadFile kBadAttributes[] = {
    {"ClassNamesOfNumbers",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels(kLabels);
       maker.add_floats(maker.group(), "class_names", {1, 2, 3});
     },
     {"train attribute class_names is not an array of strings"}},
    {"ClassNamesOfOneString",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels(kLabels);
       maker.add_attribute(maker.file(), "class_names", H5T_C_S1, {}, "a");
     },
     {"class_names is not an array of strings of one dimension"}},
    {"ClassNameTooLong",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels(kLabels);
       maker.add_names(maker.file(), {"a", "b", std::string(5000, 'c').c_str()});
     },
     {"class_names has a string of over 4096 bytes"}},
    {"MeanOfTwoChannels",
     [](Hdf5FileMaker& maker) {
       const auto images = maker.add_images(kDims);
       maker.add_floats(images.get(), "mean", {0.5f, 0.5f});
       maker.add_floats(images.get(), "deviation", {0.5f});
       maker.add_labels(kLabels);
     },
     {"train/images has attributes mean and deviation that do not fit: expected 1 finite values"}},
    {"MeanAlone",
     [](Hdf5FileMaker& maker) {
       maker.add_floats(maker.add_images(kDims).get(), "mean", {0.5f});
       maker.add_labels(kLabels);
     },
     {"mean and deviation that do not fit"}},
    {"MeanNotFinite",
     [](Hdf5FileMaker& maker) {
       const auto images = maker.add_images(kDims);
       maker.add_floats(images.get(), "mean", {std::numeric_limits<float>::quiet_NaN()});
       maker.add_floats(images.get(), "deviation", {0.5f});
       maker.add_labels(kLabels);
     },
     {"mean and deviation that do not fit"}},
    {"MeanOfBytes",
     [](Hdf5FileMaker& maker) {
       const auto images = maker.add_images(kDims);
       maker.add_floats(images.get(), "mean", {72.9f});
       maker.add_floats(images.get(), "deviation", {80});
       maker.add_labels(kLabels);
     },
     {"train/images has a mean 72.9 and deviation 80 that are not of uint8 pixels, which count as value / 255"}},
    {"DeviationOfBytes",
     [](Hdf5FileMaker& maker) {
       const auto images = maker.add_images(kDims);
       maker.add_floats(images.get(), "mean", {0.3f});
       maker.add_floats(images.get(), "deviation", {80});
       maker.add_labels(kLabels);
     },
     {"a mean 0.3 and deviation 80 that are not of uint8 pixels"}},
    {"MeanOfWords",
     [](Hdf5FileMaker& maker) {
       const std::vector<std::uint16_t> pixels(12, 300);
       const auto images = maker.add("images", H5T_STD_U16LE, kDims, H5T_NATIVE_UINT16, pixels.data());
       maker.add_floats(images.get(), "mean", {1.5f});
       maker.add_floats(images.get(), "deviation", {0.5f});
       maker.add_labels(kLabels);
     },
     {"train/images has a mean 1.5 and deviation 0.5 that are not of uint16 pixels, which count as value / 65535",
      "divide both attributes by 65535"}},
    {"DeviationZero",
     [](Hdf5FileMaker& maker) {
       const auto images = maker.add_images(kDims);
       maker.add_floats(images.get(), "mean", {0.5f});
       maker.add_floats(images.get(), "deviation", {0.0f});
       maker.add_labels(kLabels);
     },
     {"deviations above 0"}},
};

const BadFile kRefusedFeatures[] = {
    {"SoftLink",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       H5Lmove(maker.group(), "images", maker.file(), "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
       H5Lcreate_soft("/elsewhere", maker.group(), "images", H5P_DEFAULT, H5P_DEFAULT);
       maker.add_labels(kLabels);
     },
     {"train/images", "images is a soft or external link"}},
    {"ExternalLink",
     [](Hdf5FileMaker& maker) {
       const auto other = maker.path().parent_path() / "other.h5";
       Hdf5FileMaker(other).add_images(kDims);
       H5Lcreate_external(other.c_str(), "/train/images", maker.group(), "images", H5P_DEFAULT, H5P_DEFAULT);
       maker.add_labels(kLabels);
     },
     {"train/images", "images is a soft or external link"}},
    {"SoftLinkedGroup",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       maker.add_labels(kLabels);
       H5Lmove(maker.file(), "train", maker.file(), "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
       H5Lcreate_soft("/elsewhere", maker.file(), "train", H5P_DEFAULT, H5P_DEFAULT);
     },
     {"train is a soft or external link"}},
    {"ExternalStorage",
     [](Hdf5FileMaker& maker) {
       const auto other = maker.path().parent_path() / "pixels.bin";
       std::ofstream(other) << std::string(12, 'x');
       const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
       H5Pset_external(properties.get(), other.c_str(), 0, 12);
       maker.add("images", H5T_STD_U8LE, kDims, H5T_NATIVE_UINT8, nullptr, properties.get());
       maker.add_labels(kLabels);
     },
     {"train/images is stored in other files"}},
    {"VirtualDataset",
     [](Hdf5FileMaker& maker) {
       const Hdf5Space space(H5Screate_simple(4, kDims.data(), nullptr));
       const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
       H5Pset_virtual(properties.get(), space.get(), "other.h5", "/train/images", space.get());
       maker.add("images", H5T_STD_U8LE, kDims, H5T_NATIVE_UINT8, nullptr, properties.get());
       maker.add_labels(kLabels);
     },
     {"train/images is a virtual dataset"}},
    {"UnknownFilter",
     [](Hdf5FileMaker& maker) {
       const Hdf5Properties properties = chunked({1, 2, 2, 1});
       H5Pset_scaleoffset(properties.get(), H5Z_SO_INT, 0);
       maker.add_images(kDims, properties.get());
       maker.add_labels(kLabels);
     },
     {"train/images uses the filter scaleoffset: expected only deflate, shuffle or fletcher32"}},
    {"NeverWritten",
     [](Hdf5FileMaker& maker) {
       maker.add("images", H5T_STD_U8LE, kDims, H5T_NATIVE_UINT8, nullptr);
       maker.add_labels(kLabels);
     },
     {"train/images is not wholly written: 3x2x2x1 of uint8 need 12 bytes, 0 are stored"}},
    {"HalfWritten",
     [](Hdf5FileMaker& maker) {
       const auto images =
           maker.add("images", H5T_STD_U8LE, kDims, H5T_NATIVE_UINT8, nullptr, chunked({1, 2, 2, 1}).get());
       const std::vector<std::uint8_t> chunk(4, 7);
       const hsize_t offset[4] = {0, 0, 0, 0};
       ASSERT_GE(H5Dwrite_chunk(images.get(), H5P_DEFAULT, 0, offset, 4, chunk.data()), 0);
       maker.add_labels(kLabels);
     },
     {"train/images is not wholly written", "need 12 bytes, 4 are stored"}},
    {"HalfWrittenAndDeflated",
     [](Hdf5FileMaker& maker) {
       const Hdf5Properties properties = chunked({1, 2, 2, 1});
       H5Pset_deflate(properties.get(), 6);
       const auto images = maker.add("images", H5T_STD_U8LE, kDims, H5T_NATIVE_UINT8, nullptr, properties.get());
       const std::vector<hsize_t> start = {1, 0, 0, 0}, size = {1, 2, 2, 1};
       const Hdf5Space space(H5Dget_space(images.get())), memory(H5Screate_simple(4, size.data(), nullptr));
       H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr);
       const std::vector<std::uint8_t> row(4, 7);
       ASSERT_GE(H5Dwrite(images.get(), H5T_NATIVE_UINT8, memory.get(), space.get(), H5P_DEFAULT, row.data()), 0);
       maker.add_labels(kLabels);
     },
     {"train/images is not wholly written: 2 of its 3 chunks are missing"}},
    {"MoreRowsThanBytes",
     [](Hdf5FileMaker& maker) {
       maker.add_images(kDims);
       const Hdf5Properties properties = chunked({1024});
       H5Pset_deflate(properties.get(), 9);
       maker.add("labels", H5T_STD_I64LE, {hsize_t(1) << 40}, H5T_NATIVE_INT64, nullptr, properties.get());
     },
     {"train/labels is not wholly written", "need 8796093022208 bytes, 0 are stored"}},
    {"MoreBytesThanNumbers",
     [](Hdf5FileMaker& maker) {
       maker.add("images", H5T_STD_U8LE, {hsize_t(1) << 40, 1 << 15, 1 << 15, 4}, H5T_NATIVE_UINT8, nullptr,
                 chunked({1, 64, 64, 1}).get());
       maker.add_labels(kLabels);
     },
     {"train/images is too large"}},
    {"HugeChunks",
     [](Hdf5FileMaker& maker) {
       maker.add("images", H5T_STD_U8LE, {4096, 1024, 1024, 1}, H5T_NATIVE_UINT8, nullptr,
                 chunked({2048, 1024, 1024, 1}).get());
       maker.add_labels(kLabels);
     },
     {"train/images has chunks of 2048x1024x1024x1"}},
};

INSTANTIATE_TEST_SUITE_P(Content, BadFileTest, testing::ValuesIn(kBadContent), test_name);
INSTANTIATE_TEST_SUITE_P(Attributes, BadFileTest, testing::ValuesIn(kBadAttributes), test_name);
INSTANTIATE_TEST_SUITE_P(Features, BadFileTest, testing::ValuesIn(kRefusedFeatures), test_name);

// The control: the same maker without a fault.
TEST(GoodFileTest, Opens) {
  const TemporaryDirectory directory;
  {
    Hdf5FileMaker maker(directory / "good.h5");
    const auto images = maker.add_images(kDims);
    maker.add_floats(images.get(), "mean", {0.5f});
    maker.add_floats(images.get(), "deviation", {0.25f});
    maker.add_labels(kLabels);
    maker.add_names(maker.file(), {"a", "b", "c"});
  }
  const auto dataset = open_hdf5_dataset(directory / "good.h5", {});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->info().rows, 3);
}

TEST(NoDatasetTest, MissingFileAndOtherThingsAreBadData) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "text.h5") << "not HDF5";
  for (const char* name : {"missing.h5", "text.h5", "."}) {
    const auto dataset = open_hdf5_dataset(directory / name, {});
    EXPECT_EQ(exit_code(dataset.status()), 3) << dataset.status();
    EXPECT_NE(dataset.status().message().find((directory / name).native()), std::string::npos) << dataset.status();
    EXPECT_EQ(exit_code(list_splits(directory / name).status()), 3);
  }
}

TEST(NoDatasetTest, MissingGroupIsNotFoundAndNamesTheOthers) {
  const TemporaryDirectory directory;
  Hdf5FileMaker(directory / "file.h5", "test");
  for (const char* group : {"train", "test/train"}) {
    Hdf5DatasetOptions options;
    options.group = group;
    const auto dataset = open_hdf5_dataset(directory / "file.h5", options);
    EXPECT_TRUE(absl::IsNotFound(dataset.status())) << dataset.status();
    EXPECT_NE(dataset.status().message().find("there is no train"), std::string::npos) << dataset.status();
  }
  EXPECT_NE(open_hdf5_dataset(directory / "file.h5", {}).status().message().find("there is: test"), std::string::npos);
}

}  // namespace
}  // namespace lockstep
