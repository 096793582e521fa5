#include "tests/storage/checkpoint/sample.h"

#include <bit>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

}  // namespace

Checkpoint sample_checkpoint(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.job = "name: \"sample\"\nbatch: 128\noptimizer {\n  sgd {\n    momentum: 0.9\n  }\n}\n";
  checkpoint.model = "layer {\n  name: \"dense_9\"\n}\n";
  checkpoint.step = step;
  checkpoint.epoch = step / 100;
  checkpoint.accuracy = 0.875;
  checkpoint.evaluations = {{.step = step,
                             .epoch = step / 100 + 1,
                             .rows = 10'000,
                             .loss = 0.1 + 0.2,
                             .metrics = {{"accuracy", 0.875}, {"f1/a, b", 1.0 / 3}}}};
  checkpoint.class_names = {"T-shirt/top", "Trouser", "Gr\xc3\xbc\xc3\x9f"};
  checkpoint.dataset_fingerprint = 0xfedcba9876543210u;
  checkpoint.facts = {{"cpu", "a processor"}, {"lockstep_version", "0.1.0"}, {"note", ""}};
  checkpoint.image_shape = {1, 28, 28};
  checkpoint.mean = {0.25f};
  checkpoint.deviation = {0.5f};
  checkpoint.tensors = {
      {"parameters/convolution_1/weights", {3, 2, 5, 5}, {}},
      {"parameters/convolution_1/bias", {3}, {}},
      {"parameters/residual_10/convolution_1/weights", {4, 3, 1, 1}, {}},
      {"parameters/dense_9/weights", {3, 4}, {}},
      {"buffers/batch_norm_1/mean", {7}, {}},
      {"optimizer/momentum/convolution_1/weights", {3, 2, 5, 5}, {}},
      {"optimizer/momentum/dense_9/weights", {3, 4}, {}},
  };
  for (std::size_t k = 0; k < checkpoint.tensors.size(); ++k) {
    CheckpointTensor& tensor = checkpoint.tensors[k];
    std::size_t elements = 1;
    for (const std::int64_t extent : tensor.shape) elements *= static_cast<std::size_t>(extent);
    for (std::size_t i = 0; i < elements; ++i) tensor.values.push_back(float(i) / 2 + float(k));
  }
  using Limits = std::numeric_limits<float>;
  checkpoint.tensors[4].values = {0.0f,
                                  -0.0f,
                                  Limits::infinity(),
                                  -Limits::infinity(),
                                  Limits::denorm_min(),
                                  std::bit_cast<float>(0x7fc12345u),  // a NaN that carries something
                                  Limits::max()};
  return checkpoint;
}

void expect_same(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.job, b.job);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.accuracy, b.accuracy);
  EXPECT_EQ(a.evaluations, b.evaluations);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.class_names, b.class_names);
  EXPECT_EQ(a.dataset_fingerprint, b.dataset_fingerprint);
  EXPECT_EQ(a.facts, b.facts);
  EXPECT_EQ(a.image_shape, b.image_shape);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.deviation, b.deviation);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].path, b.tensors[i].path);
    EXPECT_EQ(a.tensors[i].shape, b.tensors[i].shape);
    EXPECT_EQ(bits_of(a.tensors[i].values), bits_of(b.tensors[i].values)) << a.tensors[i].path;
  }
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  CHECK(file.flush().good(), "cannot write {}", path.native());
}

}  // namespace lockstep
