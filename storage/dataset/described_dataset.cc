#include "storage/dataset/described_dataset.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace lockstep {
namespace {

class DescribedDataset final : public Dataset {
 public:
  DescribedDataset(std::unique_ptr<Dataset> rows, DatasetInfo info, std::vector<std::int32_t> map)
      : rows_(std::move(rows)), info_(std::move(info)), map_(std::move(map)) {}
  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override { return rows_->read(rows, out); }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    RETURN_IF_ERROR(rows_->read_targets(rows, out));
    if (map_.empty()) return OkStatus();
    if (info_.target == TargetKind::kClass || info_.target == TargetKind::kMask) {
      for (float& target : out) {
        if (target != kIgnored) target = float(map_[std::size_t(target)]);
      }
      return OkStatus();
    }
    row_.resize(map_.size());
    for (std::size_t begin = 0; begin < out.size(); begin += row_.size()) {
      const std::span<float> row = out.subspan(begin, row_.size());
      std::ranges::copy(row, row_.begin());
      for (std::size_t i = 0; i < row_.size(); ++i) row[std::size_t(map_[i])] = row_[i];
    }
    return OkStatus();
  }
  ImageShape picture(std::int64_t row) const override { return rows_->picture(row); }
  Status read_window(std::int64_t row, const Window& window, std::span<std::byte> out) override {
    return rows_->read_window(row, window, out);
  }
  StatusOr<std::string> source(std::int64_t row) override { return rows_->source(row); }
  std::int64_t stored_row(std::int64_t row) const override { return rows_->stored_row(row); }

 private:
  std::unique_ptr<Dataset> rows_;
  DatasetInfo info_;
  std::vector<std::int32_t> map_;
  std::vector<float> row_;  // being mapped
};

}  // namespace

std::unique_ptr<Dataset> described_anew(std::unique_ptr<Dataset> rows, DatasetInfo info,
                                        std::vector<std::int32_t> map) {
  CHECK(info.rows == rows->info().rows && info.image == rows->info().image &&
        info.pixel_type == rows->info().pixel_type);
  return std::make_unique<DescribedDataset>(std::move(rows), std::move(info), std::move(map));
}

}  // namespace lockstep
