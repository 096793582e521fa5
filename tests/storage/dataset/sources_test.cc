// Where rows came from: written, read row by row, refused where it cannot be so, and named by messages.
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/contradictions.h"
#include "storage/dataset/described_dataset.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/hdf5_types.h"
#include "storage/dataset/hdf5_writer.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"

namespace lockstep {
namespace {

class SourcesTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "data.h5"; }

  // Three rows whose sources are made by `make` in the group.
  void make_file(const std::function<void(Hdf5FileMaker&)>& make, const std::vector<std::int64_t>& labels = {0, 1, 2}) {
    Hdf5FileMaker maker(path());
    maker.add_images({3, 2, 2, 1});
    maker.add_labels(labels);
    make(maker);
  }
  // "a|b|c"
  std::string sources(const Hdf5DatasetOptions& options = {}) const {
    const auto dataset = open_hdf5_dataset(path(), options);
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    if (!dataset.ok()) return "";
    std::vector<std::string> texts;
    for (std::int64_t row = 0; row < (*dataset)->info().rows; ++row) texts.push_back(*(*dataset)->source(row));
    return fmt::format("{}", fmt::join(texts, "|"));
  }
  std::string refused() const {
    const auto dataset = open_hdf5_dataset(path(), {});
    EXPECT_EQ(exit_code(dataset.status()), 3) << dataset.status();
    return std::string(dataset.status().message());
  }

  TemporaryDirectory directory_;
};

using Paths = std::vector<const char*>;

// Below the maker's group, as h5py writes them.
void add_paths(Hdf5FileMaker& maker, const Paths& paths, hid_t properties = H5P_DEFAULT) {
  const Hdf5Group group(H5Gcreate2(maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Hdf5Type type = string_type(H5T_VARIABLE, H5T_CSET_UTF8);
  maker.add("sources/path", type.get(), {paths.size()}, type.get(), paths.data(), properties);
}

void add_lines(Hdf5FileMaker& maker, const std::vector<std::int64_t>& lines, hid_t type = H5T_STD_U16BE) {
  maker.add("sources/line", type, {lines.size()}, H5T_NATIVE_INT64, lines.data());
}

void add_fixed(Hdf5FileMaker& maker, std::size_t size, H5T_str_t padding, const char* bytes) {
  const Hdf5Group group(H5Gcreate2(maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Hdf5Type type = string_type(size, H5T_CSET_ASCII);
  H5Tset_strpad(type.get(), padding);
  maker.add("sources/path", type.get(), {3}, type.get(), bytes);
}

TEST_F(SourcesTest, OfVariableLength) {
  make_file([](Hdf5FileMaker& maker) { add_paths(maker, {"photos/cat 3.jpg", "", "\xc3\xa9.png"}); });
  EXPECT_EQ(sources(), "photos/cat 3.jpg||\xc3\xa9.png");
  EXPECT_EQ(sources({.always_through_library = true}), "photos/cat 3.jpg||\xc3\xa9.png");
}

TEST_F(SourcesTest, OfFixedLength) {
  make_file([](Hdf5FileMaker& maker) { add_fixed(maker, 3, H5T_STR_NULLPAD, "a\0\0abcab\0"); });
  EXPECT_EQ(sources(), "a|abc|ab");
  make_file([](Hdf5FileMaker& maker) { add_fixed(maker, 3, H5T_STR_SPACEPAD, "a  abc   "); });
  EXPECT_EQ(sources(), "a|abc|");
}

TEST_F(SourcesTest, WithLinesAndInChunks) {
  const Hdf5Properties chunked(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk = 2;
  H5Pset_chunk(chunked.get(), 1, &chunk);
  H5Pset_deflate(chunked.get(), 4);
  make_file([&](Hdf5FileMaker& maker) {
    add_paths(maker, {"a.csv", "b.csv", ""}, chunked.get());
    add_lines(maker, {1, 700, 3});
  });
  EXPECT_EQ(sources(), "a.csv:1|b.csv:700|");
}

TEST_F(SourcesTest, NoneAreKnown) {
  make_file([](Hdf5FileMaker&) {});
  EXPECT_EQ(sources(), "||");
  EXPECT_FALSE((*open_hdf5_dataset(path(), {}))->info().has_sources);
}

TEST_F(SourcesTest, AreNoPartOfTheFingerprint) {
  make_file([](Hdf5FileMaker&) {});
  const std::uint64_t without = (*open_hdf5_dataset(path(), {}))->info().fingerprint;
  make_file([](Hdf5FileMaker& maker) { add_paths(maker, {"a", "b", "c"}); });
  const auto with = open_hdf5_dataset(path(), {});
  EXPECT_TRUE((*with)->info().has_sources);
  EXPECT_EQ((*with)->info().fingerprint, without);
}

Status write_file(const std::filesystem::path& path, int level, bool lines, std::int32_t last_label = 1) {
  ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path, {{"a", "b"}, level}));
  RETURN_IF_ERROR(writer->begin_split("plain", 1, {1, 1, 1}, PixelType::kUint8));
  RETURN_IF_ERROR(writer->append(std::vector<std::byte>(1), std::vector<std::int32_t>{0}));
  RETURN_IF_ERROR(writer->begin_split("train", 3, {1, 1, 1}, PixelType::kUint8, {.longest_path = 10, .lines = lines}));
  std::vector<RowSource> sources = {{"\xc3\xa9 (1).png", 4}, {"", 5}, {"c", 9}};
  for (RowSource& source : sources) source.line *= lines ? 1 : 0;
  RETURN_IF_ERROR(writer->append(std::vector<std::byte>(1), std::vector<std::int32_t>{0}, std::span(sources).first(1)));
  RETURN_IF_ERROR(writer->append(std::vector<std::byte>(2), std::vector<std::int32_t>{1, last_label},
                                 std::span(sources).subspan(1)));
  return writer->finish();
}

TEST_F(SourcesTest, RoundTrip) {
  for (const int level : {0, 6}) {
    ASSERT_TRUE(write_file(path(), level, true).ok());
    EXPECT_EQ(sources(), "\xc3\xa9 (1).png:4||c:9");
    EXPECT_EQ(sources({.always_through_library = true}), "\xc3\xa9 (1).png:4||c:9");
    EXPECT_EQ(sources({.group = "plain"}), "");
    ASSERT_TRUE(write_file(path(), level, false).ok());
    EXPECT_EQ(sources(), "\xc3\xa9 (1).png||c");
  }
  const Status status = write_file(path(), 0, true, 2);
  EXPECT_EQ(exit_code(status), 3);
  EXPECT_NE(status.message().find("train: row 2 (c:9) has the label 2"), std::string::npos) << status;
}

TEST_F(SourcesTest, ManyRows) {
  const std::int64_t rows = 70001;
  {
    auto writer = *Hdf5DatasetWriter::create(path(), {});
    ASSERT_TRUE(writer->begin_split("train", rows, {1, 1, 1}, PixelType::kUint8, {12, true}).ok());
    std::vector<RowSource> all;
    for (std::int64_t row = 0; row < rows; ++row) all.push_back({fmt::format("{}.csv", row % 7), row + 1});
    ASSERT_TRUE(writer->append(std::vector<std::byte>(rows), std::vector<std::int32_t>(rows), all).ok());
    ASSERT_TRUE(writer->finish().ok());
  }
  const auto dataset = *open_hdf5_dataset(path(), {});
  for (const std::int64_t row : {std::int64_t(0), std::int64_t(65536), rows - 1}) {
    EXPECT_EQ(*dataset->source(row), fmt::format("{}.csv:{}", row % 7, row + 1));
  }
}

struct BadSources {
  const char* name;
  std::function<void(Hdf5FileMaker&)> make;
  std::string words;
};

class BadSourcesTest : public SourcesTest, public testing::WithParamInterface<BadSources> {};

TEST_P(BadSourcesTest, AreRefusedWithTheReason) {
  make_file(GetParam().make);
  EXPECT_NE(refused().find(GetParam().words), std::string::npos) << refused();
}

const Paths kThree = {"a", "b", "c"};
const BadSources kBadSources[] = {
    {"FewerPaths", [](Hdf5FileMaker& maker) { add_paths(maker, {"a", "b"}); },
     "train/sources/path has the shape 2: expected one a row, (3)"},
    {"MorePathsThanBytes",
     [](Hdf5FileMaker& maker) {
       const Hdf5Group group(H5Gcreate2(maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       const Hdf5Type type = string_type(H5T_VARIABLE, H5T_CSET_UTF8);
       const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
       const hsize_t chunk = 1024;
       H5Pset_chunk(properties.get(), 1, &chunk);
       maker.add("sources/path", type.get(), {hsize_t(1) << 40}, type.get(), nullptr, properties.get());
     },
     "train/sources/path is not wholly written"},
    {"TwoDimensions",
     [](Hdf5FileMaker& maker) {
       add_fixed(maker, 3, H5T_STR_NULLPAD, "a\0\0b\0\0c\0\0");
       H5Ldelete(maker.group(), "sources/path", H5P_DEFAULT);
       const Hdf5Type type = string_type(1, H5T_CSET_ASCII);
       maker.add("sources/path", type.get(), {3, 1}, type.get(), "abc");
     },
     "train/sources/path has the shape 3x1: expected one a row, (3)"},
    {"LongStrings",
     [](Hdf5FileMaker& maker) { add_fixed(maker, 4097, H5T_STR_NULLPAD, std::string(3 * 4097, 'a').data()); },
     "train/sources/path has strings of 4097 bytes: expected 1 to 4096"},
    {"PathsOfNumbers",
     [](Hdf5FileMaker& maker) {
       const Hdf5Group group(H5Gcreate2(maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       maker.add("sources/path", H5T_STD_I64LE, {3}, H5T_NATIVE_INT64, std::vector<std::int64_t>{1, 2, 3}.data());
     },
     "train/sources/path has elements of type integer: expected strings"},
    {"LinesWithoutPaths",
     [](Hdf5FileMaker& maker) {
       const Hdf5Group group(H5Gcreate2(maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
       add_lines(maker, {1, 2, 3});
     },
     "train/sources/path cannot be opened: there is no path; there is: line"},
    {"FewerLines",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       add_lines(maker, {1, 2});
     },
     "train/sources/line has the shape 2: expected one a row, (3)"},
    {"LineZero",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       add_lines(maker, {1, 0, -1}, H5T_STD_I32LE);
     },
     "train/sources/line has the line 0 at row 1: expected lines from 1"},
    {"LinesOfFloats",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       add_lines(maker, {1, 2, 3}, H5T_IEEE_F32LE);
     },
     "train/sources/line has elements of type float32: expected integers"},
    {"SourcesIsADataset",
     [](Hdf5FileMaker& maker) {
       maker.add("sources", H5T_STD_I64LE, {3}, H5T_NATIVE_INT64, std::vector<std::int64_t>{1, 2, 3}.data());
     },
     "train/sources cannot be opened: sources is no group"},
    {"SoftLinkedGroup",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       H5Lmove(maker.group(), "sources", maker.file(), "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
       H5Lcreate_soft("/elsewhere", maker.group(), "sources", H5P_DEFAULT, H5P_DEFAULT);
     },
     "train/sources cannot be opened: sources is a soft or external link"},
    {"SoftLinkedPath",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       H5Lmove(maker.group(), "sources/path", maker.file(), "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
       H5Lcreate_soft("/elsewhere", maker.group(), "sources/path", H5P_DEFAULT, H5P_DEFAULT);
     },
     "train/sources/path cannot be opened: path is a soft or external link"},
    {"ExternalLine",
     [](Hdf5FileMaker& maker) {
       add_paths(maker, kThree);
       H5Lcreate_external("other.h5", "/line", maker.group(), "sources/line", H5P_DEFAULT, H5P_DEFAULT);
     },
     "train/sources/line cannot be opened: line is a soft or external link"},
};

INSTANTIATE_TEST_SUITE_P(Sources, BadSourcesTest, testing::ValuesIn(kBadSources),
                         [](const auto& test) { return std::string(test.param.name); });

// Found when it is read, for it alone is.
TEST_F(SourcesTest, AStringThatIsTooLong) {
  const std::string longest(4096, 'x'), too_long(4097, 'x');
  make_file([&](Hdf5FileMaker& maker) { add_paths(maker, {"a", longest.c_str(), too_long.c_str()}); });
  const auto dataset = *open_hdf5_dataset(path(), {});
  EXPECT_EQ(*dataset->source(1), longest);
  EXPECT_EQ(exit_code(dataset->source(2).status()), 3);
  EXPECT_NE(dataset->source(2).status().message().find("data.h5: train/images: source of row 2"), std::string::npos);
  const std::vector<std::int64_t> rows = {0, 2};
  EXPECT_EQ(rows_text(*dataset, rows), "0 (a), 2");
}

TEST_F(SourcesTest, MessagesNameThemOnOneLine) {
  const auto make = [](Hdf5FileMaker& maker) {
    add_paths(maker, {"a.csv", "b\n\x1b[2J.csv", "c.csv"});
    add_lines(maker, {1, 2, 3});
  };
  make_file(make, {0, -1, 2});
  EXPECT_NE(refused().find("-1 at row 1 (b\\n\\x1b[2J.csv:2);"), std::string::npos) << refused();
  {
    Hdf5FileMaker maker(path());
    const float none = std::nanf("");
    const std::vector<float> pixels = {1, 2, 3, 4, 5, none, 7, 8, none, 10, 11, 12};
    maker.add("images", H5T_IEEE_F32LE, {3, 2, 2, 1}, H5T_NATIVE_FLOAT, pixels.data());
    const std::vector<float> numbers = {1, 2, std::numeric_limits<float>::infinity()};
    maker.add("labels", H5T_IEEE_F32LE, {3, 1}, H5T_NATIVE_FLOAT, numbers.data());
    make(maker);
  }
  EXPECT_NE(refused().find("the first is inf at row 2 (c.csv:3); mend"), std::string::npos) << refused();
  {
    const Hdf5File file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    const Hdf5DatasetId labels(H5Dopen2(file.get(), "train/labels", H5P_DEFAULT));
    const std::vector<float> numbers = {1, 2, 3};
    ASSERT_GE(H5Dwrite(labels.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), 0);
  }
  auto opened = *open_hdf5_dataset(path(), {});
  DatasetInfo info = opened->info();
  const auto dataset = described_anew(std::move(opened), std::move(info));
  const ExaminedSplit split = *examine_split("data.h5", "train", "images", "labels", *dataset);
  const Findings findings = find_contradictions(std::span(&split, 1));
  const std::string warnings = fmt::format("{}", fmt::join(findings.warnings, "\n"));
  EXPECT_NE(warnings.find("not finite numbers in rows 1 (b\\n\\x1b[2J.csv:2), 2 (c.csv:3); mend"), std::string::npos)
      << warnings;
}

}  // namespace
}  // namespace lockstep
