// What the tests of optimizers update: a small arena, and specifications from text.
#pragma once

#include <random>
#include <string>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "trainer/optim/parameter_group.h"

namespace lockstep {

inline proto::Optimizer parse(const std::string& text) {
  proto::Optimizer spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// A small arena whose tensors have odd sizes, so that vector loops have remainders, and end in padding.
inline std::vector<TensorInfo> small_parameters() {
  return {{"convolution_1/weights", {3, 13}, 0, 48, true},
          {"batch_norm_1/scale", {3}, 48, 3, false},
          {"batch_norm_1/shift", {3}, 51, 3, false},
          {"dense_1/weights", {5, 7}, 54, 35, true},
          {"dense_1/bias", {5}, 89, 5, false}};
}
inline constexpr std::size_t kElements = 94;

inline bool is_padding(std::size_t element) {
  return element >= 39 && element < 48;
}

inline std::vector<float> normal_values(std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(kElements);
  for (std::size_t i = 0; i < kElements; ++i) values[i] = is_padding(i) ? 0.0F : normal(generator);
  return values;
}

inline ParameterGroups groups(const std::string& text) {
  proto::Job job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job)) << text;
  return job.parameters();
}

}  // namespace lockstep
