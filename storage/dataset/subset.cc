#include "storage/dataset/subset.h"

#include <algorithm>
#include <utility>

#include "storage/dataset/described_dataset.h"

namespace lockstep {
namespace {

class Subset final : public Dataset {
 public:
  Subset(std::unique_ptr<Dataset> rows, std::vector<std::uint32_t> chosen)
      : rows_(std::move(rows)), chosen_(std::move(chosen)), info_(rows_->info()) {
    info_.rows = std::int64_t(chosen_.size());
  }
  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override {
    return rows_->read(stored(rows), out);
  }
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override {
    return rows_->read_targets(stored(rows), out);
  }
  ImageShape picture(std::int64_t row) const override { return rows_->picture(chosen_[std::size_t(row)]); }
  Status read_window(std::int64_t row, const Window& window, std::span<std::byte> out) override {
    return rows_->read_window(chosen_[std::size_t(row)], window, out);
  }
  StatusOr<std::string> source(std::int64_t row) override { return rows_->source(chosen_[std::size_t(row)]); }
  std::int64_t stored_row(std::int64_t row) const override { return rows_->stored_row(chosen_[std::size_t(row)]); }

 private:
  std::span<const std::int64_t> stored(std::span<const std::int64_t> rows) {
    asked_.resize(rows.size());
    std::ranges::transform(rows, asked_.begin(), [&](std::int64_t row) {
      CHECK(row >= 0 && row < info_.rows, "row {} of {}", row, info_.rows);
      return std::int64_t(chosen_[std::size_t(row)]);
    });
    return asked_;
  }

  std::unique_ptr<Dataset> rows_;
  std::vector<std::uint32_t> chosen_;
  DatasetInfo info_;
  std::vector<std::int64_t> asked_;  // kept to allocate only once
};

}  // namespace

StatusOr<std::unique_ptr<Dataset>> subset(std::unique_ptr<Dataset> rows, std::vector<std::uint32_t> chosen) {
  CHECK(!chosen.empty());
  auto part = std::make_unique<Subset>(std::move(rows), std::move(chosen));
  DatasetInfo info = part->info();
  TargetCounter counter(info.target, info.target_values());
  RETURN_IF_ERROR(for_each_target(*part, [&](std::span<const float> targets) { counter.add(targets); }));
  counter.put(info);
  ASSIGN_OR_RETURN(info.fingerprint, dataset_fingerprint(info, *part));
  return described_anew(std::move(part), std::move(info));
}

}  // namespace lockstep
