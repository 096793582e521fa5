#include "trainer/data/slice_loader.h"

#include <algorithm>
#include <atomic>

#include "trainer/tensor/finite.h"

namespace lockstep {

SliceLoader::SliceLoader(Dataset& dataset, ImageTransform transform, int slice_rows, int ahead, int decode_threads)
    : dataset_(dataset), transform_(std::move(transform)), decode_threads_(std::max(decode_threads, 1)) {
  CHECK(slice_rows > 0 && ahead > 0);
  const auto rows = static_cast<std::size_t>(slice_rows);
  slots_.resize(static_cast<std::size_t>(ahead) + 1);  // one more is with the consumer
  for (Slot& slot : slots_) {
    slot.images = AlignedArray(rows * dataset.info().image.elements());
    slot.targets.resize(rows * dataset.info().target_values());
    slot.rows.resize(rows);
    slot.keys.resize(rows);
  }
  stored_.resize(rows * transform_.stored_bytes());
  stored_targets_.resize(rows * dataset.info().target_values());
}

SliceLoader::~SliceLoader() {
  stop();
}

void SliceLoader::blend_rows(Mixing mixing) {
  stop();
  const std::size_t rows = slots_[0].rows.size(), values = slots_[0].targets.size();
  unblended_ = AlignedArray(slots_[0].images.span().size());
  unblended_targets_.resize(values);
  blends_.resize(rows);
  for (Slot& slot : slots_) {
    if (dataset_.info().target != TargetKind::kClass) continue;
    slot.other_targets.resize(values);
    slot.weights.resize(rows);
  }
  mixing_.emplace(std::move(mixing));
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
                     .keys = slot.keys,
                     .other_targets = slot.other_targets,
                     .weights = slot.weights,
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
  const std::int64_t first_place = slot.planned.first_place;
  for (std::size_t i = 0; i < slot.rows.size(); ++i) {
    slot.keys[i] = first_place < 0 ? dataset_.stored_row(slot.rows[i]) : first_place + std::int64_t(i);
  }
  slot.status = read_images(slot);
  if (slot.status.ok()) slot.status = dataset_.read_targets(slot.rows, stored_targets_);
  if (!slot.status.ok()) return;
  const std::size_t bytes = transform_.stored_bytes();
  const std::size_t elements = dataset_.info().image.elements();
  const std::size_t values = dataset_.info().target_values();
  for (std::size_t i = 0; i < slot.rows.size(); ++i) {
    const std::int64_t key = slot.keys[i];
    transform_.apply(slot.planned.epoch, key, std::span(stored_).subspan(i * bytes, bytes),
                     slot.images.span().subspan(i * elements, elements));
    transform_.apply_to_target(slot.planned.epoch, key, std::span(stored_targets_).subspan(i * values, values),
                               std::span(slot.targets).subspan(i * values, values));
  }
  slot.finite = dataset_.info().pixel_type != PixelType::kFloat32 || all_finite(slot.images.span());
  if (mixing_ && slot.finite) blend(slot);  // where they are not, it is still seen which rows
}

// Encoded rows are read one by one, each the part of its picture that the transform wants.
Status SliceLoader::read_images(Slot& slot) {
  if (!dataset_.info().is_encoded) return dataset_.read(slot.rows, stored_);
  const std::size_t rows = slot.rows.size();
  std::vector<Status> read(rows);
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < rows; i = next++) read[i] = read_picture(slot, i);
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < std::min(decode_threads_, int(rows)); ++i) others.emplace_back(take);
    take();
  }
  for (Status& status : read) RETURN_IF_ERROR(std::move(status));
  return OkStatus();
}

Status SliceLoader::read_picture(const Slot& slot, std::size_t place) {
  const std::int64_t row = slot.rows[place];
  const Window window = transform_.picture_window(slot.planned.epoch, slot.keys[place], dataset_.picture(row));
  const std::size_t bytes = transform_.stored_bytes();
  return dataset_.read_window(row, window, std::span(stored_).subspan(place * bytes, bytes));
}

void SliceLoader::blend(Slot& slot) {
  mixing_->draw(slot.planned.step, slot.planned.slice, blends_);
  std::ranges::copy(slot.images.span(), unblended_.span().begin());
  mixing_->blend(blends_, unblended_.span(), slot.images.span());
  if (slot.weights.empty()) {
    std::ranges::copy(slot.targets, unblended_targets_.begin());
    blend_targets(blends_, unblended_targets_, slot.targets);
  }
  for (std::size_t i = 0; i < slot.weights.size(); ++i) {
    slot.other_targets[i] = slot.targets[std::size_t(blends_[i].partner)];
    slot.weights[i] = blends_[i].weight;
  }
}

}  // namespace lockstep
