#include "storage/dataset/described_dataset.h"

#include <cstddef>
#include <utility>

namespace lockstep {
namespace {

class DescribedDataset final : public Dataset {
 public:
  DescribedDataset(std::unique_ptr<Dataset> rows, DatasetInfo info, std::vector<std::int32_t> labels)
      : rows_(std::move(rows)), info_(std::move(info)), labels_(std::move(labels)) {}
  const DatasetInfo& info() const override { return info_; }
  std::span<const std::int32_t> labels() const override { return labels_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override { return rows_->read(rows, out); }

 private:
  std::unique_ptr<Dataset> rows_;
  DatasetInfo info_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

std::unique_ptr<Dataset> described_anew(std::unique_ptr<Dataset> rows, DatasetInfo info,
                                        std::vector<std::int32_t> labels) {
  CHECK(info.rows == rows->info().rows && info.image == rows->info().image &&
        info.pixel_type == rows->info().pixel_type && labels.size() == std::size_t(info.rows));
  return std::make_unique<DescribedDataset>(std::move(rows), std::move(info), std::move(labels));
}

}  // namespace lockstep
