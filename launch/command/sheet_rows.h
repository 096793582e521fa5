// The rows that `lockstep data sheet` shows, before and after the changes that a job makes to them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "launch/command/sheet_file.h"
#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/dataset/dataset.h"
#include "trainer/data/image_transform.h"
#include "trainer/loop/training_job.h"

namespace lockstep {

struct RowName {
  std::string split;
  std::int64_t row = 0;
};
// "train/12,test/3". Errors: bad_configuration (all faults).
StatusOr<std::vector<RowName>> parse_row_names(const std::string& text);

// What a network gets in one epoch, made visible again.
struct RowView {
  std::vector<float> values;  // (height, width, channels), as pixels count
  std::vector<float> mask;    // of masks; else empty
};

// The rows of a job, by the split they are in.
class SheetRows {
 public:
  // Errors: bad_configuration, of the job, too; bad_data.
  static StatusOr<SheetRows> open(const std::string& job, const std::vector<std::string>& overrides);

  const proto::Job& job() const { return job_; }
  // Of the training rows.
  const DatasetInfo& info() const { return splits_.front().rows->info(); }
  // Of the pixels of the training rows, as they count.
  float smallest() const { return smallest_; }
  float largest() const { return largest_; }
  bool is_train(const std::string& split) const { return split == job_.data().train(); }

  // The first of epoch 0, at most so many.
  std::vector<RowName> first_rows(int count) const;
  // Opens the splits of these rows. Errors: bad_configuration (all that are not there), bad_data.
  Status look_up(const std::vector<RowName>& names);

  // These need rows that were looked up. Errors: those of reading.
  StatusOr<ShownRow> shown(const RowName& name);
  StatusOr<RowView> stored(const RowName& name);
  // Random changes are made to training rows alone.
  StatusOr<RowView> transformed(const RowName& name, std::int64_t epoch);

 private:
  struct Split {
    std::string name;
    std::unique_ptr<Dataset> rows;
    ImageTransform transform;
  };
  SheetRows(proto::Job job, ImageTransform transform, std::unique_ptr<Dataset> train);
  Status open_split_too(const std::string& name);
  Split* find(const std::string& name);
  Status read(const RowName& name);

  proto::Job job_;
  std::vector<Split> splits_;           // the first: the training rows
  std::vector<std::uint32_t> trained_;  // where rows are held out, the others of the training split; else empty
  float smallest_ = 0, largest_ = 1;
  std::vector<std::byte> stored_;  // of the row that was read
  std::vector<float> target_;
};

}  // namespace lockstep
