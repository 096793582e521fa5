// What an evaluation counts when there are numbers that are none.
#include "trainer/loop/evaluation.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/storage/dataset/targets.h"
#include "trainer/comm/thread_communicator.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

constexpr int kClasses = 4;

// 40 rows of one float pixel each; some are NaN.
class Rows final : public Dataset {
 public:
  explicit Rows(std::vector<std::int64_t> bad) : bad_(std::move(bad)) {
    info_.rows = 40;
    info_.image = {1, 1, 1};
    info_.pixel_type = PixelType::kFloat32;
    info_.class_names = numbered_class_names(kClasses);
    info_.mean = {0};
    info_.deviation = {1};
    for (int row = 0; row < 40; ++row) labels_.push_back(row % kClasses);
  }
  const DatasetInfo& info() const override { return info_; }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return take_targets(labels_, rows, out);
  }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool bad = std::find(bad_.begin(), bad_.end(), rows[i]) != bad_.end();
      const float pixel = bad ? std::numeric_limits<float>::quiet_NaN() : 1;
      std::memcpy(out.data() + i * sizeof pixel, &pixel, sizeof pixel);
    }
    return OkStatus();
  }
  StatusOr<std::string> source(std::int64_t row) override { return std::string(row == 21 ? "b.csv:3" : ""); }

 private:
  std::vector<std::int64_t> bad_;
  DatasetInfo info_;
  std::vector<float> labels_;
};

// With one dense layer whose bias is `bias` in all classes.
StatusOr<EvaluationResult> evaluate_on(Communicator& communicator, std::vector<std::int64_t> bad_rows, float bias) {
  JobDraft draft =
      parse_job("data { path: 'none' } model { layer { flatten {} } layer { dense { units: 4 } } }", "test");
  resolve_model(kClasses, *draft.job.mutable_model(), draft.faults);
  const ImageShape image{1, 1, 1};
  const auto network =
      Network::build(*draft.job.mutable_model(), {.image = image, .classes = kClasses, .slice_rows = 3}, draft.faults);
  CHECK(network != nullptr, "{}", std::string(draft.faults.status("test").message()));
  for (float& value : network->parameter_values()) value = bias;
  network->parameters_changed();
  Rows rows(std::move(bad_rows));
  SliceLoader loader(rows, ImageTransform(image, PixelType::kFloat32, rows.info().mean, rows.info().deviation), 3, 2);
  return evaluate(communicator, *network, loader,
                  {.rows = 40, .target = rows.info().whole_target(), .confusion = true, .heartbeat = nullptr});
}

TEST(Evaluation, RowsWithPixelsThatAreNoNumbersAreNamedOnAnyNumberOfRanks) {
  for (const int ranks : {1, 2, 4}) {
    std::mutex mutex;
    run_in_threads(ranks, [&](Communicator& communicator) {
      const auto result = evaluate_on(communicator, {39, 7, 20}, 0);
      const std::lock_guard lock(mutex);
      EXPECT_EQ(exit_code(result.status()), 3);
      EXPECT_NE(result.status().message().find("rows 7, 20, 39;"), std::string::npos) << result.status();
    });
  }
}

TEST(Evaluation, BadRowsAreNamedByTheirSources) {
  for (const int ranks : {1, 4}) {
    std::mutex mutex;
    run_in_threads(ranks, [&](Communicator& communicator) {
      const auto result = evaluate_on(communicator, {21, 7}, 0);
      const std::lock_guard lock(mutex);
      EXPECT_NE(result.status().message().find("rows 7, 21 (b.csv:3); mend"), std::string::npos) << result.status();
    });
  }
}

TEST(Evaluation, LogitsThatAreNoNumbersAreNeverRight) {
  const auto communicator = make_solo_communicator();
  const auto bad = evaluate_on(*communicator, {}, std::numeric_limits<float>::quiet_NaN());
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_EQ(metric_value(bad->metrics, "accuracy"), 0);
  EXPECT_EQ(metric_value(bad->metrics, "top5_accuracy"), 0);
  EXPECT_TRUE(bad->confusion.empty());
  const auto good = evaluate_on(*communicator, {}, 1);
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(metric_value(good->metrics, "accuracy"), 0.25);  // all logits are equal: the first class is taken
  EXPECT_EQ(metric_value(good->metrics, "top5_accuracy"), 1);
}

// Cells that are not 0, by label: memory goes by rows, not by classes squared.
TEST(Evaluation, ConfusionIsTheSameOnAnyNumberOfRanks) {
  for (const int ranks : {1, 2, 4}) {
    std::mutex mutex;
    run_in_threads(ranks, [&](Communicator& communicator) {
      const auto result = evaluate_on(communicator, {}, 1);
      const std::lock_guard lock(mutex);
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_EQ(result->confusion.size(), std::size_t(kClasses));
      for (int label = 0; label < kClasses; ++label) {
        const ConfusionCell& cell = result->confusion[std::size_t(label)];
        EXPECT_EQ(cell.label, label);
        EXPECT_EQ(cell.prediction, 0);
        EXPECT_EQ(cell.rows, 10);
      }
    });
  }
}

}  // namespace
}  // namespace lockstep
