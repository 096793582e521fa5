#include "storage/checkpoint/diff.h"

#include <bit>
#include <limits>

#include <gtest/gtest.h>

#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

using Strings = std::vector<std::string>;

TEST(Diff, SameIsIdentical) {
  const CheckpointDifference difference = diff_checkpoints(sample_checkpoint(1), sample_checkpoint(1));
  EXPECT_TRUE(difference.identical);
  EXPECT_EQ(difference.notes, Strings());
  EXPECT_TRUE(difference.tensors.empty());
}

TEST(Diff, OrderOfTensorsDoesNotMatter) {
  Checkpoint other = sample_checkpoint(1);
  std::swap(other.tensors.front(), other.tensors.back());
  EXPECT_TRUE(diff_checkpoints(sample_checkpoint(1), other).identical);
}

TEST(Diff, StepAndEpochCount) {
  Checkpoint other = sample_checkpoint(1);
  other.step = 2;
  EXPECT_FALSE(diff_checkpoints(sample_checkpoint(1), other).identical);
  EXPECT_EQ(diff_checkpoints(sample_checkpoint(1), other).notes, Strings{"step: 1, 2"});
  other = sample_checkpoint(1);
  other.epoch = 2;
  EXPECT_FALSE(diff_checkpoints(sample_checkpoint(1), other).identical);
  EXPECT_EQ(diff_checkpoints(sample_checkpoint(1), other).notes, Strings{"epoch: 0, 2"});
}

TEST(Diff, OtherAttributesAreNotes) {
  Checkpoint other = sample_checkpoint(1);
  other.accuracy.reset();
  other.target = TargetKind::kLabels;
  other.class_names.pop_back();
  other.dataset_fingerprint = 1;
  other.image_shape = {1, 28, 29};
  other.mean = {0.5f};
  other.deviation = {1.5f};
  other.facts.erase("cpu");
  other.facts["isa"] = "AVX2";
  const CheckpointDifference difference = diff_checkpoints(sample_checkpoint(1), other);
  EXPECT_TRUE(difference.identical);
  const Strings expected = {"accuracy: 0.875, none",
                            "target: class, labels",
                            "class_names: [T-shirt/top, Trouser, Gr\xc3\xbc\xc3\x9f], [T-shirt/top, Trouser]",
                            "dataset_fingerprint: fedcba9876543210, 0000000000000001",
                            "image_shape: 1 x 28 x 28, 1 x 28 x 29",
                            "mean: [0.25], [0.5]",
                            "deviation: [0.5], [1.5]",
                            "cpu: a processor, none",
                            "isa: none, AVX2"};
  EXPECT_EQ(difference.notes, expected);
}

TEST(Diff, JobIsComparedByLinesWithTheirPlace) {
  Checkpoint other = sample_checkpoint(1);
  other.job = "name: \"sample\"\nbatch: 64\noptimizer {\n  sgd {\n    momentum: 0.5\n  }\n}\nbatch: 128\n";
  const CheckpointDifference difference = diff_checkpoints(sample_checkpoint(1), other);
  EXPECT_TRUE(difference.identical);
  const Strings expected = {"job only in a: optimizer.sgd.momentum: 0.9", "job only in b: batch: 64",
                            "job only in b: optimizer.sgd.momentum: 0.5"};
  EXPECT_EQ(difference.notes, expected);

  other.job = "batch: 128\nname: \"sample\"\noptimizer {\nsgd {\nmomentum: 0.9\n}\n}\n";
  EXPECT_EQ(diff_checkpoints(sample_checkpoint(1), other).notes,
            Strings{"job: the same lines in another order or with other spaces"});
}

TEST(Diff, Values) {
  Checkpoint other = sample_checkpoint(1);
  std::vector<float>& values = other.tensors[0].values;  // 3 x 2 x 5 x 5
  values[57] = std::nextafter(values[57], 1e9f);
  values[149] += 2;
  const CheckpointDifference difference = diff_checkpoints(sample_checkpoint(1), other);
  EXPECT_FALSE(difference.identical);
  ASSERT_EQ(difference.tensors.size(), 1u);
  const TensorDifference& tensor = difference.tensors[0];
  EXPECT_EQ(tensor.path, "parameters/convolution_1/weights");
  EXPECT_EQ(tensor.differing_elements, 2);
  EXPECT_EQ(tensor.max_absolute, 2);
  // 74.5 and 76.5 are 2 / 2^-17 apart.
  EXPECT_EQ(tensor.max_ulp, 2 << 17);
  EXPECT_EQ(tensor.first_index, (std::vector<std::int64_t>{1, 0, 1, 2}));
}

TEST(Diff, OneTensorTwoBits) {
  using Limits = std::numeric_limits<float>;
  struct Case {
    float a;
    float b;
    std::int64_t differing;
    double absolute;
    std::int64_t ulp;
  };
  const double infinite = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {1.0f, 1.0f, 0, 0, 0},
      {Limits::quiet_NaN(), Limits::quiet_NaN(), 0, 0, 0},
      {0.0f, -0.0f, 1, 0, 0},
      {Limits::denorm_min(), -Limits::denorm_min(), 1, 2 * double(Limits::denorm_min()), 2},
      {1.0f, 1.0f + Limits::epsilon(), 1, Limits::epsilon(), 1},
      {-1.0f, 1.0f, 1, 2, 2 * 0x3f800000LL},
      {Limits::infinity(), Limits::max(), 1, infinite, 1},
      {Limits::quiet_NaN(), 1.0f, 1, infinite, 0x7fc00000 - 0x3f800000},
      {std::bit_cast<float>(0x7fc00001u), std::bit_cast<float>(0x7fc00002u), 1, infinite, 1},
  };
  for (const Case& example : cases) {
    Checkpoint a;
    Checkpoint b;
    a.tensors = {{"parameters/a/weights", {1}, {example.a}}};
    b.tensors = {{"parameters/a/weights", {1}, {example.b}}};
    const CheckpointDifference difference = diff_checkpoints(a, b);
    EXPECT_EQ(difference.identical, example.differing == 0);
    ASSERT_EQ(difference.tensors.size(), example.differing == 0 ? 0u : 1u) << example.a << ", " << example.b;
    if (example.differing == 0) continue;
    EXPECT_EQ(difference.tensors[0].differing_elements, example.differing);
    EXPECT_EQ(difference.tensors[0].max_absolute, example.absolute) << example.a << ", " << example.b;
    EXPECT_EQ(difference.tensors[0].max_ulp, example.ulp) << example.a << ", " << example.b;
  }
}

TEST(Diff, ShapesAndMissingTensors) {
  Checkpoint a = sample_checkpoint(1);
  Checkpoint b = sample_checkpoint(1);
  a.tensors[3].shape = {4, 3};
  a.tensors.erase(a.tensors.begin());
  b.tensors.pop_back();
  const CheckpointDifference difference = diff_checkpoints(a, b);
  EXPECT_FALSE(difference.identical);
  ASSERT_EQ(difference.tensors.size(), 3u);
  EXPECT_EQ(difference.tensors[0].path, "parameters/dense_9/weights");
  EXPECT_EQ(difference.tensors[0].shape_a, (std::vector<std::int64_t>{4, 3}));
  EXPECT_EQ(difference.tensors[0].shape_b, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(difference.tensors[0].differing_elements, 0);
  EXPECT_EQ(difference.tensors[1].path, "optimizer/momentum/dense_9/weights");
  EXPECT_TRUE(difference.tensors[1].shape_b.empty());
  EXPECT_EQ(difference.tensors[2].path, "parameters/convolution_1/weights");
  EXPECT_TRUE(difference.tensors[2].shape_a.empty());
}

}  // namespace
}  // namespace lockstep
