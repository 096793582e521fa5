// Targets of each kind: how they are read, counted and mapped, and what is refused.
#include "tests/storage/dataset/targets.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "storage/dataset/class_map.h"
#include "storage/dataset/hdf5_dataset.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"

namespace lockstep {
namespace {

const std::vector<hsize_t> kDims = {3, 2, 2, 1};
using Words = std::vector<std::string>;
using Make = std::function<void(Hdf5FileMaker&)>;

Hdf5DatasetId add_bytes(Hdf5FileMaker& maker, const std::vector<hsize_t>& dims, const std::vector<std::uint8_t>& values,
                        hid_t type = H5T_STD_U8LE) {
  return maker.add("labels", type, dims, H5T_NATIVE_UINT8, values.data());
}

Hdf5DatasetId add_numbers(Hdf5FileMaker& maker, const std::vector<hsize_t>& dims, const std::vector<float>& values) {
  return maker.add("labels", H5T_IEEE_F32LE, dims, H5T_NATIVE_FLOAT, values.data());
}

void add_strings(hid_t object, const char* name, const std::vector<const char*>& values) {
  const Hdf5Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  Hdf5FileMaker::add_attribute(object, name, type.get(), {values.size()}, values.data());
}

void set_ignored(hid_t object, int value) {
  Hdf5FileMaker::add_attribute(object, "ignored", H5T_NATIVE_INT, {}, &value);
}

class TargetsTest : public testing::Test {
 protected:
  // With images of kDims, all rows of which are read at once and one by one, kept or not.
  std::unique_ptr<Dataset> open(const Make& make, const std::vector<float>& expected) {
    {
      Hdf5FileMaker maker(directory_ / "data.h5");
      maker.add_images(kDims);
      make(maker);
    }
    std::unique_ptr<Dataset> last;
    for (const std::int64_t most : {std::int64_t(1) << 20, std::int64_t(0)}) {
      auto dataset = open_hdf5_dataset(directory_ / "data.h5", {.most_kept_targets = most});
      EXPECT_TRUE(dataset.ok()) << dataset.status();
      if (!dataset.ok()) return nullptr;
      last = *std::move(dataset);
      EXPECT_EQ(all_targets(*last), expected);
      const std::vector<std::int64_t> rows = {2, 0, 0};
      const std::size_t values = last->info().target_values();
      std::vector<float> some(rows.size() * values);
      EXPECT_TRUE(last->read_targets(rows, some).ok());
      for (std::size_t i = 0; i < some.size(); ++i) {
        EXPECT_EQ(some[i], expected[std::size_t(rows[i / values]) * values + i % values]) << i;
      }
    }
    return last;
  }

  TemporaryDirectory directory_;
};

TEST_F(TargetsTest, SeveralLabels) {
  const auto dataset = open(
      [](Hdf5FileMaker& maker) {
        const auto labels = add_bytes(maker, {3, 4}, {1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0});
        maker.add_names(labels.get(), {"a", "b", "c", "d"});
      },
      {1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0});
  const DatasetInfo& info = dataset->info();
  EXPECT_EQ(info.target, TargetKind::kLabels);
  EXPECT_EQ(info.class_rows, (std::vector<std::int64_t>{2, 1, 0, 1}));
  EXPECT_EQ(info.zero_rows, 1);
  EXPECT_EQ(info.zeros_at_end, 0);
}

TEST_F(TargetsTest, Numbers) {
  const std::vector<float> values = {1, -5, 4, -5, 1, -5};
  const auto dataset = open(
      [&](Hdf5FileMaker& maker) {
        const auto labels = add_numbers(maker, {3, 2}, values);
        maker.add_names(labels.get(), {"age", "depth"});
        add_strings(labels.get(), "units", {"years", "m"});
      },
      values);
  const DatasetInfo& info = dataset->info();
  EXPECT_EQ(info.target, TargetKind::kNumbers);
  EXPECT_EQ(info.class_names, (Words{"age", "depth"}));
  EXPECT_EQ(info.units, (Words{"years", "m"}));
  EXPECT_EQ(info.target_mean, (std::vector<float>{2, -5}));
  EXPECT_FLOAT_EQ(info.target_deviation[0], std::sqrt(2.0F));
  EXPECT_EQ(info.target_deviation[1], 1) << "all are the same";
  EXPECT_TRUE(info.class_rows.empty());
}

TEST_F(TargetsTest, Masks) {
  const std::vector<float> expected = {0, 1, 1, kIgnored, 2, 2, 2, 2, kIgnored, 0, 0, 0};
  const std::vector<std::uint8_t> stored = {0, 1, 1, 255, 2, 2, 2, 2, 255, 0, 0, 0};
  for (const hid_t type : {H5T_STD_U8LE, H5T_STD_I32LE, H5T_STD_I32BE}) {
    const auto dataset = open(
        [&](Hdf5FileMaker& maker) {
          const auto labels = add_bytes(maker, {3, 2, 2}, stored, type);
          maker.add_names(labels.get(), {"ground", "cat", "dog", "none"});
          set_ignored(labels.get(), 255);
        },
        expected);
    EXPECT_EQ(dataset->info().target, TargetKind::kMask);
    EXPECT_EQ(dataset->info().target_values(), 4U);
    EXPECT_EQ(dataset->info().class_rows, (std::vector<std::int64_t>{2, 1, 1, 0}));
  }
}

TEST_F(TargetsTest, AreMappedByName) {
  const std::vector<std::string> names = {"c", "a", "b"};
  const auto mapped = [&](TargetKind kind, std::vector<float> targets) {
    DatasetInfo info;
    info.rows = 2;
    info.image = {1, 1, 2};
    info.target = kind;
    info.class_names = {"a", "b", "c"};
    TargetCounter counter(kind, info.target_values());
    counter.add(targets);
    counter.put(info);
    const auto map = map_classes(info, names, "the network");
    EXPECT_TRUE(map.ok()) << map.status();
    return with_classes(std::make_unique<OnlyTargets>(info, targets), *map, names);
  };
  EXPECT_EQ(all_targets(*mapped(TargetKind::kClass, {0, 2})), (std::vector<float>{1, 0}));
  const auto labels = mapped(TargetKind::kLabels, {1, 0, 0, 1, 1, 0});
  EXPECT_EQ(all_targets(*labels), (std::vector<float>{0, 1, 0, 0, 1, 1}));
  EXPECT_EQ(labels->info().class_rows, (std::vector<std::int64_t>{0, 2, 1}));
  const auto numbers = mapped(TargetKind::kNumbers, {5, 6, 7, 8, 9, 10});
  EXPECT_EQ(all_targets(*numbers), (std::vector<float>{7, 5, 6, 10, 8, 9}));
  EXPECT_EQ(numbers->info().target_mean, (std::vector<float>{8.5, 6.5, 7.5}));
  EXPECT_EQ(all_targets(*mapped(TargetKind::kMask, {0, kIgnored, 2, 1})), (std::vector<float>{1, kIgnored, 0, 2}));
  DatasetInfo two;
  two.target = TargetKind::kNumbers;
  two.class_names = {"a", "b"};
  const Status status = map_classes(two, names, "the network").status();
  EXPECT_EQ(status.message(), "has 2 numbers, a, b: expected the 3 of the network, c, a, b");
}

struct BadTargets {
  const char* name;
  Make make;
  Words words;
};

const BadTargets kBadTargets[] = {
    {"LabelsThatAreCounts",
     [](Hdf5FileMaker& maker) { add_bytes(maker, {3, 2}, {0, 1, 2, 1, 3, 0}); },
     {"train/labels has 2 values that are neither 0 nor 1: the first is 2 at row 1"}},
    {"NamesForOtherLabels",
     [](Hdf5FileMaker& maker) { maker.add_names(add_bytes(maker, {3, 2}, {0, 1, 0, 1, 1, 0}).get(), {"a", "b", "c"}); },
     {"has 2 labels a row, but class_names has 3 names"}},
    {"NumbersThatAreNone",
     [](Hdf5FileMaker& maker) {
       const float nan = std::numeric_limits<float>::quiet_NaN();
       add_numbers(maker, {3, 2}, {0, 1, 2, nan, 3, std::numeric_limits<float>::infinity()});
     },
     {"has 2 values that are not finite numbers: the first is nan at row 1"}},
    {"UnitsOfOtherNumbers",
     [](Hdf5FileMaker& maker) { add_strings(add_numbers(maker, {3, 2}, std::vector<float>(6)).get(), "units", {"m"}); },
     {"has an attribute units of 1 names: expected one for each number"}},
    {"UnitsOfClasses",
     [](Hdf5FileMaker& maker) { add_strings(maker.add_labels({0, 1, 2}).get(), "units", {"m", "m", "m"}); },
     {"has an attribute units of 3 names"}},
    {"MasksOfAnotherSize",
     [](Hdf5FileMaker& maker) { add_bytes(maker, {3, 2, 1}, std::vector<std::uint8_t>(6)); },
     {"has masks of 2 x 1 (height, width): expected 2 x 2, those of the images"}},
    {"MasksOutOfRange",
     [](Hdf5FileMaker& maker) {
       maker.add_names(add_bytes(maker, {3, 2, 2}, {0, 1, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0}).get(), {"a", "b"});
     },
     {"has 1 pixels outside [0, 2): the first is 255 at row 1", "the attribute ignored"}},
    {"TwoLabelsOfOneName",
     [](Hdf5FileMaker& maker) { maker.add_names(add_bytes(maker, {3, 2}, {0, 1, 0, 1, 1, 0}).get(), {"a", "a"}); },
     {"has two labels of the name \"a\": expected a name of its own"}},
    {"IgnoredOfClasses",
     [](Hdf5FileMaker& maker) { set_ignored(maker.add_labels({0, 1, 2}).get(), 2); },
     {"attribute ignored: is of masks"}},
    {"IgnoredThatIsNoNumber",
     [](Hdf5FileMaker& maker) {
       add_strings(add_bytes(maker, {3, 2, 2}, std::vector<std::uint8_t>(12)).get(), "ignored", {"255"});
     },
     {"attribute ignored is not one whole number"}},
    {"AsManyRowsAsNot",
     [](Hdf5FileMaker& maker) { add_numbers(maker, {2, 2}, std::vector<float>(4)); },
     {"has 2 rows but the images have 3"}},
    {"MasksOfFloats",
     [](Hdf5FileMaker& maker) { add_numbers(maker, {3, 2, 2}, std::vector<float>(12)); },
     {"has the shape 3x2x2: expected one label a row", "or masks as uint8 or int32"}},
};

TEST(BadTargetsTest, AreRefusedWithTheReason) {
  for (const BadTargets& row : kBadTargets) {
    SCOPED_TRACE(row.name);
    const TemporaryDirectory directory;
    {
      Hdf5FileMaker maker(directory / "bad.h5");
      maker.add_images(kDims);
      row.make(maker);
    }
    const Status status = open_hdf5_dataset(directory / "bad.h5", {}).status();
    EXPECT_EQ(exit_code(status), 3) << status;
    for (const std::string& word : row.words) EXPECT_NE(status.message().find(word), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace lockstep
