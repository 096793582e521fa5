// Scores on rows whose figures are worked out by hand.
#include "trainer/metrics/scores.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

using Floats = std::vector<float>;

// In slices of so many rows, each counted by a process of its own; the first has the sum.
std::vector<MetricValue> values_of(const Target& target, const Floats& outputs, const Floats& targets,
                                   std::size_t slice_rows) {
  const std::size_t width = target.outputs(), values = target.values(), rows = outputs.size() / width;
  const std::unique_ptr<Scores> sum = Scores::make(target);
  for (std::size_t first = 0; first < rows; first += slice_rows) {
    const std::size_t count = std::min(slice_rows, rows - first);
    const std::unique_ptr<Scores> part = Scores::make(target);
    part->add(std::span(outputs).subspan(first * width, count * width),
              std::span(targets).subspan(first * values, count * values));
    for (std::size_t i = 0; i < sum->counts().size(); ++i) sum->counts()[i] += part->counts()[i];
  }
  const bool all = sum->needs_rows();
  return sum->values(std::int64_t(rows), all ? outputs : Floats(), all ? targets : Floats());
}

TEST(ClassScores, OfAHandfulOfRows) {
  const Target target{.names = {"a", "b", "c", "none"}};
  // Predictions a, a, b, c, b, and none of the last, for labels a, b, b, c, a, c.
  const Floats outputs = {2, 1, 0, 0, 2, 1, 0, 0, 0, 2, 1, 0, 0, 1, 2, 0, 0, 2, 0, 0, 0, 0, kNan, 0};
  const Floats labels = {0, 1, 1, 2, 0, 2};
  for (const std::size_t slice_rows : {1, 2, 4, 6}) {
    const auto values = values_of(target, outputs, labels, slice_rows);
    EXPECT_EQ(metric_value(values, "accuracy"), 3.0 / 6);
    EXPECT_EQ(metric_value(values, "top5_accuracy"), 5.0 / 6);
    EXPECT_EQ(metric_value(values, "f1/a"), 2.0 / 4);
    EXPECT_EQ(metric_value(values, "f1/b"), 2.0 / 4);
    EXPECT_EQ(metric_value(values, "f1/c"), 2.0 / 3);
    EXPECT_TRUE(std::isnan(metric_value(values, "f1/none")));
    EXPECT_DOUBLE_EQ(metric_value(values, "macro_f1"), (0.5 + 0.5 + 2.0 / 3) / 3);
  }
}

TEST(ClassScores, RowsOfTheIgnoredClassCountNowhere) {
  const Target target{.names = {"a", "b", "unknown"}, .ignored = 2};
  // Predictions a, b, a, b for a, a, unknown, unknown.
  const auto values = values_of(target, {1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0}, {0, 0, 2, 2}, 2);
  EXPECT_EQ(metric_value(values, "accuracy"), 0.5);
  EXPECT_EQ(metric_value(values, "f1/a"), 2.0 / 3);
  EXPECT_EQ(metric_value(values, "f1/b"), 0);
  EXPECT_TRUE(std::isnan(metric_value(values, "f1/unknown")));
}

TEST(ClassScores, TheFirstOfEqualOutputsComesBefore) {
  const Target target{.names = {"0", "1", "2", "3", "4", "5", "6"}};
  const auto of_label = [&](float label) { return values_of(target, Floats(7, 1), {label}, 1); };
  EXPECT_EQ(metric_value(of_label(0), "accuracy"), 1);
  EXPECT_EQ(metric_value(of_label(1), "accuracy"), 0);
  EXPECT_EQ(metric_value(of_label(4), "top5_accuracy"), 1);
  EXPECT_EQ(metric_value(of_label(5), "top5_accuracy"), 0);
}

TEST(LabelScores, OfAHandfulOfRows) {
  const Target target{.kind = TargetKind::kLabels, .names = {"cat", "dog", "none"}};
  const Floats outputs = {3, -1, -5, 1, 2, -4, 2, 1, -3, kNan, 3, 9};
  const Floats labels = {1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0};
  for (const std::size_t slice_rows : {1, 3, 4}) {
    const auto values = values_of(target, outputs, labels, slice_rows);
    // The row that is no number comes last, though its dog has the largest output.
    EXPECT_DOUBLE_EQ(metric_value(values, "average_precision/cat"), (1 + 1 + 3.0 / 4) / 3);
    EXPECT_DOUBLE_EQ(metric_value(values, "average_precision/dog"), (1 + 2.0 / 4) / 2);
    EXPECT_TRUE(std::isnan(metric_value(values, "average_precision/none")));
    EXPECT_DOUBLE_EQ(metric_value(values, "mean_average_precision"), (2.75 / 3 + 0.75) / 2);
    EXPECT_DOUBLE_EQ(metric_value(values, "label_accuracy"), 7.0 / 12);
  }
}

TEST(NumberScores, AreInTheUnitsOfTheNumbers) {
  const Target target{.kind = TargetKind::kNumbers, .names = {"age", "same"}, .mean = {40, 1}, .deviation = {20, 3}};
  // Ages 20, 40, 80 are taken for 30, 40, 60.
  const Floats outputs = {-0.5F, 1, 0, 0, 1, 0}, numbers = {-1, 0, 0, 0, 2, 0};
  for (const std::size_t slice_rows : {1, 2, 3}) {
    const auto values = values_of(target, outputs, numbers, slice_rows);
    EXPECT_NEAR(metric_value(values, "absolute_error/age"), (10 + 0 + 20) / 3.0, 1e-12);
    const double mean = 140 / 3.0;
    const double distances = std::pow(20 - mean, 2) + std::pow(40 - mean, 2) + std::pow(80 - mean, 2);
    EXPECT_NEAR(metric_value(values, "r2/age"), 1 - (100 + 400) / distances, 1e-12);
    EXPECT_NEAR(metric_value(values, "absolute_error/same"), 1, 1e-12);
    EXPECT_TRUE(std::isnan(metric_value(values, "r2/same"))) << "all are the same";
    EXPECT_NEAR(metric_value(values, "mean_absolute_error"), 5.5, 1e-12);
    EXPECT_EQ(metric_value(values, "mean_r2"), metric_value(values, "r2/age")) << "of those that have one";
  }
  EXPECT_TRUE(std::isnan(metric_value(values_of(target, {kNan, 0}, {0, 0}, 1), "mean_r2")));
}

TEST(MaskScores, CountPixels) {
  const Target target{.kind = TargetKind::kMask, .names = {"a", "b", "none"}, .pixels = 4};
  // Two rows of four pixels, class by class. Predictions a a b b, and b a (no number) a; for a a a b, and b (ignored) a
  // a.
  const Floats outputs = {1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, kNan, 1, 1, 0, 9, 0, 0, 0, 0, 0};
  const Floats masks = {0, 0, 0, 1, 1, kIgnored, 0, 0};
  for (const std::size_t slice_rows : {1, 2}) {
    const auto values = values_of(target, outputs, masks, slice_rows);
    EXPECT_EQ(metric_value(values, "iou/a"), 3.0 / 5);
    EXPECT_EQ(metric_value(values, "iou/b"), 2.0 / 3);
    EXPECT_TRUE(std::isnan(metric_value(values, "iou/none")));
    EXPECT_EQ(metric_value(values, "mean_iou"), (3.0 / 5 + 2.0 / 3) / 2);
    EXPECT_EQ(metric_value(values, "pixel_accuracy"), 5.0 / 7);
  }
}

TEST(Scores, TellExactlyTheMetricsOfTheirKindInOrder) {
  for (const TargetKind kind : kTargetKinds) {
    std::vector<std::string> expected;
    for (const MetricInfo& metric : metrics()) {
      if (metric.target != kind) continue;
      for (const char* const name : {"a", "b"}) {
        expected.push_back(std::string(metric.name) + (metric.each ? std::string("/") + name : ""));
        if (!metric.each) break;
      }
    }
    std::vector<std::string> got;
    const Target target{.kind = kind, .names = {"a", "b"}, .mean = {0, 0}, .deviation = {1, 1}};
    for (const MetricValue& it : values_of(target, {1, 0}, Floats(target.values(), 0), 1)) got.push_back(it.name);
    EXPECT_EQ(got, expected);
  }
}

}  // namespace
}  // namespace lockstep
