#include "trainer/data/slice_loader.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/storage/dataset/targets.h"

namespace lockstep {
namespace {

// Rows of one float pixel whose value is the row's number; fails to read row `bad_row`.
class NumberedRows final : public Dataset {
 public:
  explicit NumberedRows(std::int64_t rows, std::int64_t bad_row = -1) : bad_row_(bad_row) {
    info_.rows = rows;
    info_.image = {.channels = 1, .height = 1, .width = 1};
    info_.pixel_type = PixelType::kFloat32;
    info_.mean = {0.0F};
    info_.deviation = {1.0F};
    for (std::int64_t row = 0; row < rows; ++row) labels_.push_back(static_cast<float>(row % 3));
  }
  const DatasetInfo& info() const override { return info_; }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return take_targets(labels_, rows, out);
  }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == bad_row_) return bad_data(fmt::format("row {} cannot be read", rows[i]));
      const auto value = static_cast<float>(rows[i]);
      std::copy_n(reinterpret_cast<const std::byte*>(&value), sizeof value,
                  out.begin() + std::ptrdiff_t(i * sizeof value));
    }
    return OkStatus();
  }

 private:
  DatasetInfo info_;
  std::vector<float> labels_;
  std::int64_t bad_row_;
};

// With a source of every row.
class SourcedRows final : public Dataset {
 public:
  explicit SourcedRows(std::int64_t rows) : rows_(rows) {}
  const DatasetInfo& info() const override { return rows_.info(); }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override { return rows_.read(rows, out); }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return rows_.read_targets(rows, out);
  }
  StatusOr<std::string> source(std::int64_t row) override { return fmt::format("{}.png", row * 2); }

 private:
  NumberedRows rows_;
};

ImageTransform identity() {
  const std::vector<float> mean = {0.0F};
  const std::vector<float> deviation = {1.0F};
  return {ImageShape{.channels = 1, .height = 1, .width = 1}, PixelType::kFloat32, mean, deviation};
}

TEST(SliceLoader, NamesRowsAndTheirSourcesWhileItReadsAhead) {
  SourcedRows dataset(500);
  SliceLoader loader(dataset, identity(), 2, 3);
  loader.start(plan_evaluation(500, 2, 0, 1));
  ASSERT_TRUE(loader.next().ok());
  const std::vector<std::int64_t> rows = {3, 499};
  EXPECT_EQ(loader.rows_text(rows), "3 (6.png), 499 (998.png)");
  loader.start(plan_evaluation(500, 2, 0, 1));
  EXPECT_EQ(loader.next()->rows[1], 1);
}

TEST(SliceLoader, GivesTheRowsOfThePlanInOrder) {
  NumberedRows dataset(50);
  RowOrder order(1, 50, 10, 5, false);
  for (int ahead : {1, 3, 100}) {
    SliceLoader loader(dataset, identity(), 2, ahead);
    loader.start(plan_training(order, {.first_step = 3, .last_step = 12, .first_slice = 2, .slices_per_rank = 2}));
    std::vector<std::int64_t> expected(2);
    for (std::int64_t step = 3; step < 12; ++step) {
      for (int slice = 2; slice < 4; ++slice) {
        order.rows(step, slice, expected);
        const StatusOr<LoadedSlice> loaded = loader.next();
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        EXPECT_EQ(loaded->epoch, step / 5);
        EXPECT_EQ(loaded->valid_rows, 2);
        for (std::size_t i = 0; i < 2; ++i) {
          EXPECT_EQ(loaded->rows[i], expected[i]);
          EXPECT_EQ(loaded->targets[i], expected[i] % 3);
          EXPECT_EQ(loaded->images[i], static_cast<float>(expected[i]));
        }
      }
    }
  }
}

TEST(SliceLoader, EvaluationVisitsEachRowOnceOnAnyNumberOfRanks) {
  NumberedRows dataset(23);
  for (int size : {1, 2, 3, 4, 8}) {
    std::vector<int> visits(23);
    for (int rank = 0; rank < size; ++rank) {
      auto plan = plan_evaluation(23, 4, rank, size);
      const std::int64_t slices = plan->slices();
      SliceLoader loader(dataset, identity(), 4, 2);
      loader.start(std::move(plan));
      for (std::int64_t i = 0; i < slices; ++i) {
        const StatusOr<LoadedSlice> loaded = loader.next();
        ASSERT_TRUE(loaded.ok());
        ASSERT_GE(loaded->valid_rows, 1);
        for (int row = 0; row < loaded->valid_rows; ++row) ++visits[static_cast<std::size_t>(loaded->rows[row])];
      }
    }
    EXPECT_EQ(visits, std::vector<int>(23, 1)) << size << " ranks";
  }
}

TEST(SliceLoader, AnErrorComesInItsPlaceAndANewPlanStartsAfresh) {
  NumberedRows dataset(12, /*bad_row=*/7);
  SliceLoader loader(dataset, identity(), 2, 4);
  loader.start(plan_evaluation(12, 2, 0, 1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(loader.next().ok());
  const StatusOr<LoadedSlice> failed = loader.next();
  EXPECT_TRUE(absl::IsDataLoss(failed.status())) << failed.status();
  loader.start(plan_evaluation(6, 2, 0, 1));
  const StatusOr<LoadedSlice> again = loader.next();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->rows[0], 0);
}

TEST(SliceLoader, CanBeLeftInTheMiddleOfAPlan) {
  NumberedRows dataset(1000);
  auto loader = std::make_unique<SliceLoader>(dataset, identity(), 10, 3);
  loader->start(plan_evaluation(1000, 10, 0, 1));
  EXPECT_TRUE(loader->next().ok());
  loader.reset();  // joins its thread; a loader that did not would hang here
  SliceLoader unused(dataset, identity(), 10, 3);
}

}  // namespace
}  // namespace lockstep
