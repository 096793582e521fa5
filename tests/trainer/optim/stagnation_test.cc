#include "trainer/optim/stagnation.h"

#include <cmath>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/optimizer.pb.h"

namespace lockstep {
namespace {

using Values = std::vector<double>;

TEST(Stagnation, CountsEvaluationsSinceTheLastImprovement) {
  const auto count = [](const Values& values, bool higher, double delta) {
    return evaluations_without_improvement(values, {.higher_is_better = higher, .min_delta = delta});
  };
  EXPECT_EQ(count({}, true, 0), 0);
  EXPECT_EQ(count({1}, true, 0), 0);
  EXPECT_EQ(count({1, 1, 1}, true, 0), 2) << "an equal value is none";
  EXPECT_EQ(count({1, 2, 1, 1.5}, true, 0), 2);
  EXPECT_EQ(count({1, 2, 1, 1.5}, false, 0), 3);
  EXPECT_EQ(count({1, 2, 2.5, 3}, true, 0.75), 0) << "0.5 is none, 1 is: from the best";
  EXPECT_EQ(count({1, 2, 2.5}, true, 0.75), 1);
  EXPECT_EQ(count({NAN, NAN}, true, 0), 2);
  EXPECT_EQ(count({NAN, 1, NAN}, true, 0), 1);
}

double scale_of(const std::string& text, const Values& values, bool higher) {
  proto::Plateau plateau;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &plateau)) << text;
  return plateau_scale(plateau, values, higher);
}

TEST(Plateau, LowersWhenPatienceIsOver) {
  const std::string spec = "patience: 2 factor: 0.5";
  EXPECT_EQ(scale_of(spec, {}, false), 1);
  EXPECT_EQ(scale_of(spec, {5, 5, 5}, false), 1);
  EXPECT_EQ(scale_of(spec, {5, 5, 5, 5}, false), 0.5);
  EXPECT_EQ(scale_of(spec, {5, 5, 5, 5, 5, 5}, false), 0.5) << "counted anew";
  EXPECT_EQ(scale_of(spec, {5, 5, 5, 5, 5, 5, 5}, false), 0.25);
  EXPECT_EQ(scale_of(spec, {5, 5, 5, 4, 4, 4}, false), 1);
  EXPECT_EQ(scale_of(spec, {5, 6, 7, 8}, true), 1);
  EXPECT_EQ(scale_of("patience: 0 factor: 0.5", {5, 5, 5}, true), 0.25);
}

}  // namespace
}  // namespace lockstep
