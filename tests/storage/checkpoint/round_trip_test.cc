// What goes into a checkpoint comes out of it, and the same content gives the same bytes.
#include <cmath>

#include <gtest/gtest.h>

#include "storage/checkpoint/user_block.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

void expect_round_trip(const Checkpoint& checkpoint) {
  const StatusOr<std::string> bytes = encode_checkpoint(checkpoint);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const StatusOr<Checkpoint> decoded = decode_checkpoint(*bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  expect_same(checkpoint, *decoded);
}

TEST(RoundTrip, Everything) {
  expect_round_trip(sample_checkpoint(1234));
}

TEST(RoundTrip, Nothing) {
  expect_round_trip(Checkpoint());
}

TEST(RoundTrip, ZeroAccuracyIsNotNone) {
  Checkpoint checkpoint = sample_checkpoint(1);
  checkpoint.accuracy = 0.0;
  expect_round_trip(checkpoint);
  checkpoint.accuracy.reset();
  expect_round_trip(checkpoint);
}

TEST(RoundTrip, AllEvaluationsOfALongRun) {
  Checkpoint checkpoint = sample_checkpoint(1'000'000);
  checkpoint.evaluations->clear();
  for (std::int64_t epoch = 1; epoch <= 100'000; ++epoch) {
    checkpoint.evaluations->push_back({.step = 10 * epoch, .epoch = epoch, .rows = epoch % 2, .loss = 1.0 / epoch});
  }
  expect_round_trip(checkpoint);
  checkpoint.evaluations->clear();
  expect_round_trip(checkpoint);
}

TEST(RoundTrip, AnEvaluationWhoseLossIsNotKnown) {
  Checkpoint checkpoint = sample_checkpoint(1);
  (*checkpoint.evaluations)[0].loss = std::nan("");
  const StatusOr<Checkpoint> decoded = decode_checkpoint(*encode_checkpoint(checkpoint));
  ASSERT_TRUE(decoded.ok() && decoded->evaluations) << decoded.status();
  EXPECT_TRUE(std::isnan((*decoded->evaluations)[0].loss));
}

// Not all of them have all metrics.
TEST(RoundTrip, EvaluationsOfUnlikeMetrics) {
  Checkpoint checkpoint = sample_checkpoint(30);
  checkpoint.evaluations = {
      {.step = 10, .epoch = 1, .rows = 7, .loss = 3, .metrics = {{"accuracy", 0.5}}},
      {.step = 20, .epoch = 1, .rows = 7, .loss = 2, .metrics = {}},
      {.step = 30, .epoch = 2, .rows = 7, .loss = 1, .metrics = {{"macro_f1", 0.25}, {"f1/a", 0}}}};
  const StatusOr<Checkpoint> decoded = decode_checkpoint(*encode_checkpoint(checkpoint));
  ASSERT_TRUE(decoded.ok() && decoded->evaluations) << decoded.status();
  const std::vector<CheckpointEvaluation>& got = *decoded->evaluations;
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(metric_value(got[0].metrics, "accuracy"), 0.5);
  EXPECT_TRUE(std::isnan(metric_value(got[0].metrics, "macro_f1")));
  EXPECT_TRUE(std::isnan(metric_value(got[1].metrics, "accuracy")));
  EXPECT_EQ(got[2].metrics[0], (MetricValue{"macro_f1", 0.25}));
  EXPECT_EQ(got[2].metrics[1], (MetricValue{"f1/a", 0}));
  EXPECT_EQ(decoded->evaluation(), &got[2]);
}

// Version 1, with what it held of evaluations.
TEST(RoundTrip, AFileOfVersion1) {
  const StatusOr<Checkpoint> before = read_checkpoint(VERSION_1);
  ASSERT_TRUE(before.ok()) << before.status();
  Checkpoint expected = sample_checkpoint(1234);
  expected.model.clear();
  (*expected.evaluations)[0].metrics = {{"accuracy", 0.875}};
  expect_same(expected, *before);
}

// A network alone.
TEST(RoundTrip, WithoutAJob) {
  Checkpoint checkpoint = sample_checkpoint(0);
  checkpoint.job.clear();
  checkpoint.target = TargetKind::kLabels;
  expect_round_trip(checkpoint);
}

// A file of the version that stored the accuracy alone, and what this version would write of it.
TEST(RoundTrip, AFileOfBeforeEvaluationsWereStored) {
  const StatusOr<Checkpoint> before = read_checkpoint(ACCURACY_ONLY);
  ASSERT_TRUE(before.ok()) << before.status();
  Checkpoint expected = sample_checkpoint(1234);
  expected.evaluations.reset();
  expected.model.clear();
  expect_same(expected, *before);
  expect_round_trip(expected);
}

// Attributes of HDF5 are limited to 64 KiB unless told otherwise; groups change their form at 8 links.
TEST(RoundTrip, LargeTextAndManyTensors) {
  Checkpoint checkpoint = sample_checkpoint(1);
  for (int i = 0; i < 20000; ++i) checkpoint.job += fmt::format("# line {}\n", i);
  checkpoint.class_names.clear();
  for (int i = 0; i < 1000; ++i) checkpoint.class_names.push_back(fmt::format("{:0{}}", i, 100 + i % 7));
  for (int i = 0; i < 40; ++i) checkpoint.facts.emplace(fmt::format("fact_{}", i), std::string(i * 1000, 'x'));
  checkpoint.tensors.clear();
  for (int i = 300; i > 0; --i) {
    checkpoint.tensors.push_back({fmt::format("parameters/layer_{}/weights", i), {1, i}, std::vector<float>(i, 1.5f)});
    checkpoint.tensors.push_back({fmt::format("parameters/layer_{}/bias", i), {1}, {float(i)}});
  }
  expect_round_trip(checkpoint);
}

TEST(RoundTrip, ThroughAFile) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "x.h5";
  ASSERT_TRUE(write_checkpoint(path, sample_checkpoint(5)).ok());
  const StatusOr<Checkpoint> read = read_checkpoint(path);
  ASSERT_TRUE(read.ok()) << read.status();
  expect_same(sample_checkpoint(5), *read);
  EXPECT_TRUE(absl::IsNotFound(read_checkpoint(directory.path() / "absent.h5").status()));
}

TEST(Bytes, AreAFunctionOfTheContent) {
  const StatusOr<std::string> first = encode_checkpoint(sample_checkpoint(7));
  ASSERT_TRUE(first.ok()) << first.status();
  // Memory that was used in between must not show through.
  const std::vector<std::string> noise(1000, std::string(5000, '\xa5'));
  ASSERT_TRUE(encode_checkpoint(sample_checkpoint(8)).ok());
  const StatusOr<std::string> second = encode_checkpoint(sample_checkpoint(7));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(*first == *second) << "from " << noise.size();
  const StatusOr<Checkpoint> decoded = decode_checkpoint(*first);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const StatusOr<std::string> third = encode_checkpoint(*decoded);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_TRUE(*first == *third);
}

TEST(Bytes, DigestIsThatOfTheImage) {
  const StatusOr<std::string> bytes = encode_checkpoint(sample_checkpoint(7));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->substr(0, 8), "LOCKSTEP");
  EXPECT_EQ(bytes->substr(kUserBlockBytes, 4), "\x89HDF");
  const StatusOr<std::string> digest = checkpoint_digest(*bytes);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(digest->size(), 64u);
  EXPECT_NE(*digest, *checkpoint_digest(*encode_checkpoint(sample_checkpoint(8))));
}

// SHA-256 of nothing and of "abc", from FIPS 180-2.
TEST(Bytes, Sha256) {
  std::string file(kUserBlockBytes, 'x');
  write_user_block(file);
  EXPECT_EQ(*checkpoint_digest(file), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  file += "abc";
  write_user_block(file);
  EXPECT_EQ(*checkpoint_digest(file), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Content, FaultsAreRefusedBeforeWriting) {
  const auto error_of = [](const std::function<void(Checkpoint&)>& change) {
    Checkpoint checkpoint = sample_checkpoint(1);
    change(checkpoint);
    const Status status = encode_checkpoint(checkpoint).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    return std::string(status.message());
  };
  EXPECT_NE(error_of([](auto& c) { c.step = -1; }).find("step -1"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.job += '\0'; }).find("job"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.class_names[0] += '\0'; }).find("class_names"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.facts.emplace("a/b", "x"); }).find("a/b"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { (*c.evaluations)[0].step = 2; }).find("up to step 1"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { (*c.evaluations)[0].rows = -1; }).find("evaluations"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.evaluations->push_back((*c.evaluations)[0]); }).find("rising"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.job.assign((16 << 20) + 1, 'x'); }).find("job"), std::string::npos);
  for (const char* path : {"weights", "parameters", "parameters/", "/parameters/a", "parameters//a", "parameters/../a",
                           "parameters/./a", "parameters/a\n", "other/a", ""}) {
    EXPECT_NE(error_of([&](auto& c) { c.tensors[1].path = path; }).find("expected a path"), std::string::npos) << path;
  }
  EXPECT_NE(error_of([](auto& c) { c.tensors[1].path = c.tensors[0].path; }).find("twice"), std::string::npos);
  EXPECT_NE(error_of([](auto& c) { c.tensors[1].path = "parameters/convolution_1"; }).find("cannot put"),
            std::string::npos);
  using Shape = std::vector<std::int64_t>;
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{-3}, Shape{3, 0}, Shape{1, 1, 1, 1, 3}}) {
    EXPECT_NE(error_of([&](auto& c) { c.tensors[1].shape = shape; }).find("does not fit"), std::string::npos);
  }
}

}  // namespace
}  // namespace lockstep
