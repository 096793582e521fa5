// A Dataset is one split: N images of one shape, and N targets: what each row is to be.
//
// Threads: read(), read_targets() and source() may be called from one thread at a time per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/task/target.h"

namespace lockstep {

enum class PixelType { kUint8, kUint16, kFloat32 };

struct ImageShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::size_t elements() const { return std::size_t(channels) * std::size_t(height) * std::size_t(width); }
  std::size_t pixels() const { return std::size_t(height) * std::size_t(width); }
  bool operator==(const ImageShape&) const = default;
};

// A part of an image.
struct Window {
  int top = 0, left = 0, height = 0, width = 0;
  bool operator==(const Window&) const = default;
};
// The largest of the shape of `size` that fits into `picture`, in its middle; of its sides only `share`, 0 to 1.
Window middle_window(const ImageShape& picture, const ImageShape& size, float share = 1);

struct DatasetInfo {
  std::int64_t rows = 0;
  ImageShape image;
  PixelType pixel_type = PixelType::kUint8;
  // Rows are picture files, of any size, which become `image` when they are read.
  bool is_encoded = false;
  std::uint64_t digest = 0;  // of these files
  TargetKind target = TargetKind::kClass;
  std::vector<std::string> class_names;  // of classes, labels or numbers; "0", "1", ... when the file names none
  std::vector<std::string> units;        // of numbers; empty: the file says none
  std::vector<float> target_mean;        // of numbers, over all rows; target_deviation: 1 where it would be 0
  std::vector<float> target_deviation;
  std::vector<std::string> constant_numbers;  // names of those that are the same in all rows
  std::vector<std::int64_t> class_rows;       // rows of each class, or with each label or class; empty of numbers
  std::int64_t zero_rows = 0;                 // rows of class 0, without a label, or of zeros alone
  std::int64_t zeros_at_end = 0;              // of these, those that are the last of all
  // Per channel, over all pixels of all rows; a pixel counts as value / full_scale().
  std::vector<float> mean;
  std::vector<float> deviation;          // standard deviation; 1 where it would be 0
  bool has_sources = false;              // where its rows came from is known
  std::size_t decompressed_per_row = 0;  // bytes, rows read in random order: 0 for plain rows, or all chunks are cached
  // Of shape, pixel type, class names, statistics and targets: tells whether a resumed job sees the same data.
  std::uint64_t fingerprint = 0;
  Target whole_target() const { return {target, class_names, units, target_mean, target_deviation, image.pixels()}; }
  std::size_t target_values() const { return lockstep::target_values(target, class_names.size(), image.pixels()); }
};

// Where a row came from.
struct RowSource {
  std::string path;          // empty: that is not known
  std::int64_t line = 0;     // of that file, from 1; 0: it is the whole file
  std::string text() const;  // "photos/cat 3.jpg", "labels.csv:17", or empty
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  // Pixels of the given rows as stored, (height, width, channels) each, one after another.
  // Requires: rows in [0, info().rows); out.size() == rows.size() * image bytes. Allocates nothing after the first
  // call.
  virtual Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) = 0;
  // The size of the picture that an encoded row is; of others that of all images. Requires: row in [0, info().rows).
  virtual ImageShape picture(std::int64_t /*row*/) const { return info().image; }
  // Of encoded rows: the pixels of a part of the picture, resized to info().image. From any thread. Requires: a window
  // inside the picture. Errors: as read().
  virtual Status read_window(std::int64_t row, const Window& window, std::span<std::byte> out);
  // Targets of the given rows, (rows, info().target_values()), in range. Requires: rows in [0, info().rows). Allocates
  // nothing after the first call.
  virtual Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) = 0;
  // RowSource::text of the row; for messages, not for every row. Requires: row in [0, info().rows). Errors: bad_data,
  // io_error.
  virtual StatusOr<std::string> source(std::int64_t row);
  // Its number in the file: what messages name, and what randomness is keyed by. Requires: row in [0, info().rows).
  virtual std::int64_t stored_row(std::int64_t row) const { return row; }
};

// Rows as messages name them: "3, 4 (labels.csv:17)", on one line. A source that cannot be read is left out.
std::string rows_text(Dataset& dataset, std::span<const std::int64_t> rows);
std::string row_text(std::int64_t row, std::string_view source);

std::size_t bytes_per_pixel(PixelType type);
std::string_view pixel_type_name(PixelType type);  // "uint8", "uint16" or "float32"
// The value that counts as 1: 255, 65535, or 1 of floats.
float full_scale(PixelType type);

// Calls `take` with the targets of rows 0, 1, ..., some at a time. Errors: those of read_targets.
Status for_each_target(Dataset& dataset, const std::function<void(std::span<const float>)>& take);

// DatasetInfo.fingerprint: XXH3 (64 bits) of shape, pixel type, class names and statistics of `info`, and of the
// targets of `dataset`. Errors: those of read_targets.
StatusOr<std::uint64_t> dataset_fingerprint(const DatasetInfo& info, Dataset& dataset);

// Counts rows by class or label, and mean and deviation of numbers.
class TargetCounter {
 public:
  explicit TargetCounter(TargetKind kind, std::size_t values = 1) : kind_(kind), values_(values) {}
  // Of the rows that follow those before. Requires: in the range of their kind.
  void add(std::span<const float> targets);
  // Fills in class_rows, zero_rows and zeros_at_end, or mean and deviation. Requires: class_names, and targets in their
  // range.
  void put(DatasetInfo& info) const;

 private:
  TargetKind kind_;
  std::size_t values_;
  struct Moments {
    double mean = 0, squares = 0;  // of distances from the mean
  };
  void add_numbers(std::span<const float> row);
  void add_classes(std::span<const float> row);

  std::vector<std::int64_t> rows_, last_;  // by class: how many, and the number of the last one
  std::vector<Moments> moments_;           // of numbers
  std::int64_t count_ = 0;
  std::int64_t zero_rows_ = 0, zeros_at_end_ = 0;
};

// The names of classes that have none: "0", "1", ...
std::vector<std::string> numbered_class_names(std::size_t classes);

// Limits of any dataset, so that a damaged header cannot ask for absurd memory.
inline constexpr std::int64_t kRowLimit = std::int64_t(1) << 40;
inline constexpr std::int64_t kImageElementLimit = std::int64_t(1) << 28;
inline constexpr std::int64_t kClassLimit = std::int64_t(1) << 20;

}  // namespace lockstep
