#include "trainer/data/slice_loader.h"

#include <algorithm>

#include "trainer/tensor/finite.h"

namespace lockstep {

SliceLoader::SliceLoader(Dataset& dataset, ImageTransform transform, int slice_rows, int ahead)
    : dataset_(dataset), transform_(std::move(transform)) {
  CHECK(slice_rows > 0 && ahead > 0);
  const auto rows = static_cast<std::size_t>(slice_rows);
  slots_.resize(static_cast<std::size_t>(ahead) + 1);  // one more is with the consumer
  for (Slot& slot : slots_) {
    slot.images = AlignedArray(rows * dataset.info().image.elements());
    slot.targets.resize(rows * dataset.info().target_values());
    slot.rows.resize(rows);
  }
  stored_.resize(rows * transform_.stored_bytes());
  stored_targets_.resize(rows * dataset.info().target_values());
}

SliceLoader::~SliceLoader() {
  stop();
}

void SliceLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SliceLoader::start(std::unique_ptr<SlicePlan> plan) {
  stop();
  plan_ = std::move(plan);
  filled_ = consumed_ = 0;
  holding_ = stopping_ = false;
  thread_ = std::thread([this] { run(); });
}

std::string SliceLoader::rows_text(std::span<const std::int64_t> rows) {
  stop();
  return lockstep::rows_text(dataset_, rows);
}

StatusOr<LoadedSlice> SliceLoader::next() {
  std::unique_lock lock(mutex_);
  if (holding_) {
    ++consumed_;
    holding_ = false;
    changed_.notify_all();
  }
  CHECK(consumed_ < plan_->slices(), "the plan has {} slices", plan_->slices());
  changed_.wait(lock, [this] { return filled_ > consumed_; });
  const Slot& slot = slots_[static_cast<std::size_t>(consumed_) % slots_.size()];
  RETURN_IF_ERROR(slot.status);
  holding_ = true;
  return LoadedSlice{.images = slot.images.span(),
                     .targets = slot.targets,
                     .rows = slot.rows,
                     .epoch = slot.planned.epoch,
                     .valid_rows = slot.planned.valid_rows,
                     .finite = slot.finite};
}

void SliceLoader::run() {
  const auto capacity = static_cast<std::int64_t>(slots_.size());
  for (std::int64_t index = 0; index < plan_->slices(); ++index) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || index - consumed_ < capacity; });
      if (stopping_) return;
    }
    Slot& slot = slots_[static_cast<std::size_t>(index) % slots_.size()];
    fill(slot, index);
    const bool failed = !slot.status.ok();
    {
      const std::lock_guard lock(mutex_);
      filled_ = index + 1;
    }
    changed_.notify_all();
    if (failed) return;
  }
}

void SliceLoader::fill(Slot& slot, std::int64_t index) {
  slot.planned = plan_->rows(index, slot.rows);
  slot.status = dataset_.read(slot.rows, stored_);
  if (slot.status.ok()) slot.status = dataset_.read_targets(slot.rows, stored_targets_);
  if (!slot.status.ok()) return;
  const std::size_t bytes = transform_.stored_bytes();
  const std::size_t elements = dataset_.info().image.elements();
  const std::size_t values = dataset_.info().target_values();
  for (std::size_t i = 0; i < slot.rows.size(); ++i) {
    const std::int64_t row = dataset_.stored_row(slot.rows[i]);
    transform_.apply(slot.planned.epoch, row, std::span(stored_).subspan(i * bytes, bytes),
                     slot.images.span().subspan(i * elements, elements));
    transform_.apply_to_target(slot.planned.epoch, row, std::span(stored_targets_).subspan(i * values, values),
                               std::span(slot.targets).subspan(i * values, values));
  }
  slot.finite = dataset_.info().pixel_type != PixelType::kFloat32 || all_finite(slot.images.span());
}

}  // namespace lockstep
