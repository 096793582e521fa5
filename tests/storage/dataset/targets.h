// Targets of rows, for tests.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/dataset/dataset.h"

namespace lockstep {

// Of all rows; a failure when they cannot be read.
inline std::vector<float> all_targets(Dataset& dataset) {
  std::vector<float> all;
  const auto take = [&](std::span<const float> some) { all.insert(all.end(), some.begin(), some.end()); };
  const Status status = for_each_target(dataset, take);
  EXPECT_TRUE(status.ok()) << status;
  return all;
}

// Of one class a row, as a writer takes them.
inline std::vector<std::int32_t> all_labels(Dataset& dataset) {
  const std::vector<float> targets = all_targets(dataset);
  return std::vector<std::int32_t>(targets.begin(), targets.end());
}

// For a dataset of a test that has them all.
inline Status take_targets(std::span<const float> all, std::span<const std::int64_t> rows, std::span<float> out) {
  const std::size_t values = out.size() / rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < values; ++j) out[i * values + j] = all[std::size_t(rows[i]) * values + j];
  }
  return OkStatus();
}

// Rows that have targets and no pixels.
class OnlyTargets final : public Dataset {
 public:
  OnlyTargets(DatasetInfo info, std::vector<float> targets) : info_(std::move(info)), targets_(std::move(targets)) {}
  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> /*rows*/, std::span<std::byte> /*out*/) override {
    return bad_data("no pixels");
  }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return take_targets(targets_, rows, out);
  }

 private:
  DatasetInfo info_;
  std::vector<float> targets_;
};

}  // namespace lockstep
