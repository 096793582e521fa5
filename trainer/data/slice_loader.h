// A SliceLoader reads and transforms the slices of a plan ahead of use, in one thread, into a ring of fixed buffers.
//
// Requires: the dataset is used by nobody else between start() and the last next().
// Ensures: slices come in plan order; the first error of the dataset is returned in its place and ends the plan.
// Threads: one consumer. Allocates nothing between start() and the end of the plan.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/dataset/dataset.h"
#include "trainer/data/image_transform.h"
#include "trainer/data/mixing.h"
#include "trainer/data/slice_plan.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

struct LoadedSlice {
  std::span<const float> images;       // (rows of a slice, channels, height, width), normalized
  std::span<const float> targets;      // (rows of a slice, target_values()), as the transform gives them
  std::span<const std::int64_t> rows;  // of the dataset
  std::span<const std::int64_t> keys;  // of their random changes
  // Of rows of one class each that are blended (mixing.h): the partners' targets and the rows' own weights; else empty.
  std::span<const float> other_targets, weights;
  std::int64_t epoch = 0;
  int valid_rows = 0;
  bool finite = true;  // all pixels are
};

class SliceLoader {
 public:
  // `ahead`: slices held ready, at least 1. `decode_threads`: of encoded rows, so many are decoded at a time, at least
  // one.
  SliceLoader(Dataset& dataset, ImageTransform transform, int slice_rows, int ahead, int decode_threads = 1);
  ~SliceLoader();

  // Rows are blended from the next plan on.
  void blend_rows(Mixing mixing);

  // Begins a plan, ending the one before.
  void start(std::unique_ptr<SlicePlan> plan);

  // Rows as rows_text names them. Ends the plan.
  std::string rows_text(std::span<const std::int64_t> rows);

  // The next slice, valid until the following call. Requires: the plan has one. Errors: those of Dataset::read.
  StatusOr<LoadedSlice> next();

 private:
  struct Slot {
    AlignedArray images;
    std::vector<float> targets;
    std::vector<float> other_targets, weights;
    std::vector<std::int64_t> rows, keys;
    PlannedSlice planned;
    bool finite = true;
    Status status;
  };

  void stop();
  void run();
  void fill(Slot& slot, std::int64_t index);
  Status read_images(Slot& slot);
  Status read_picture(const Slot& slot, std::size_t place);
  void blend(Slot& slot);

  Dataset& dataset_;
  ImageTransform transform_;
  int decode_threads_;
  std::vector<Slot> slots_;
  std::vector<std::byte> stored_;
  std::vector<float> stored_targets_;
  std::optional<Mixing> mixing_;
  AlignedArray unblended_;  // images of a slice
  std::vector<float> unblended_targets_;
  std::vector<Blend> blends_;
  std::unique_ptr<SlicePlan> plan_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t filled_ = 0;    // slices filled since start
  std::int64_t consumed_ = 0;  // slices handed out and done with
  bool holding_ = false;       // the consumer still uses slice consumed_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lockstep
