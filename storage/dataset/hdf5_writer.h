// Writes a dataset file, split by split, rows in order, in constant memory.
//
// Layout: group/images (N,H,W,C uint8, uint16 or float32) in one contiguous piece, or in chunks with shuffle and
// deflate; group/labels (N int64, or as the README has other targets); attributes mean and deviation of images;
// class_names of the file; where rows came from, when it is said, as group/sources/path (N UTF-8 of fixed length) and
// group/sources/line (N int64), deflated. Everything but the pixels, labels and sources lies in structures with
// checksums (the format of HDF5 1.10), which older ones do not have: libhdf5 finds damage there instead of following
// it. The file is written as PATH.tmp; finish() makes it durable and renames it onto PATH, so that PATH is whole or
// absent after a crash at any instant. The same calls give the same bytes.
//
// Requires: begin_split() before append(); each split gets exactly the rows it was begun with.
// Errors: io_error (disk), bad_data (a target out of range). After an error only the destructor may follow.
// Threads: one thread per object.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/hdf5.h"
#include "storage/dataset/dataset.h"
#include "storage/dataset/picture_files.h"
#include "storage/dataset/pixel_statistics.h"

namespace lockstep {

struct Hdf5WriterOptions {
  // Of classes, labels or numbers. Labels must be below their number. Empty, of one class a row: the classes are
  // numbered up to the largest label of any split.
  std::vector<std::string> class_names = {};
  // 0: contiguous, the fastest to read. 1 to 9: chunks, with shuffle and deflate of that level.
  int compress_level = 0;
  TargetKind target = TargetKind::kClass;
  std::vector<std::string> units = {};  // of numbers; empty: not known
  bool normalize = true;                // false: the mean is written as 0, the deviation as 1
};

// What is written of where rows came from.
struct SourceColumns {
  std::size_t longest_path = 0;  // bytes of the longest one; 0: nothing is written
  bool lines = false;            // a line of that file too
};

class Hdf5DatasetWriter {
 public:
  // Takes PATH.tmp, replacing one that a crash left over.
  static StatusOr<std::unique_ptr<Hdf5DatasetWriter>> create(const std::filesystem::path& path,
                                                             const Hdf5WriterOptions& options);
  // Removes the temporary file unless finish() returned OK.
  ~Hdf5DatasetWriter();

  // `name` is a group such as "train". Requires: rows >= 1, a shape within the limits of dataset.h; paths of at most
  // 4,096 bytes.
  Status begin_split(const std::string& name, std::int64_t rows, ImageShape image, PixelType type,
                     const SourceColumns& sources = {});
  // The same of rows that stay the bytes of picture files, `bytes` of them in all. `image`: what they become where
  // nobody asks for another size.
  Status begin_encoded_split(const std::string& name, std::int64_t rows, ImageShape image, std::uint64_t bytes,
                             std::array<std::uint8_t, 3> background, const SourceColumns& sources = {});
  // Whole rows, (height, width, channels) each, and their targets, as storage/task/target.h has them; where the split
  // has sources, one a row, of at most the longest path, and with a line from 1 where it has lines. Of an encoded split
  // a file a row, and the images that they become: of these are mean and deviation.
  Status append(std::span<const std::byte> images, std::span<const float> targets,
                std::span<const RowSource> sources = {}, std::span<const PictureFile> files = {});
  // The same of one class a row.
  Status append(std::span<const std::byte> images, const std::vector<std::int32_t>& labels,
                std::span<const RowSource> sources = {}) {
    return append(images, std::vector<float>(labels.begin(), labels.end()), sources);
  }
  Status finish();

 private:
  struct Split {
    std::string name;
    Hdf5DatasetId images;
    std::optional<PictureFilesWriter> pictures;  // in their place
    Hdf5DatasetId labels;
    Hdf5DatasetId paths, lines;  // of the sources; invalid where there are none
    SourceColumns columns;
    ImageShape image;
    PixelType type = PixelType::kUint8;
    std::int64_t rows = 0;
    std::int64_t done = 0;
    PixelStatistics statistics;
  };
  Hdf5DatasetWriter(std::filesystem::path path, Hdf5WriterOptions options)
      : path_(std::move(path)), temporary_(path_.native() + ".tmp"), options_(std::move(options)) {}
  StatusOr<Hdf5Group> begin(const std::string& name, std::int64_t rows, ImageShape image, PixelType type,
                            const SourceColumns& sources);
  Status create_rest(const Hdf5Group& group);
  std::size_t target_values() const;  // of a row of the split
  // Of masks: classes that do not fit a byte, beside the value that counts nowhere.
  bool wide_masks() const { return options_.class_names.size() > 255; }
  std::int32_t ignored() const { return wide_masks() ? -1 : 255; }
  bool create_targets(const Hdf5Group& group);
  Status check_targets(std::span<const float> targets, std::span<const RowSource> sources);
  bool write_targets(std::span<const float> targets, std::int64_t rows);
  Status create_sources(const Hdf5Group& group);
  Status append_sources(std::span<const RowSource> sources);
  // Writes the statistics of the split at hand and closes it.
  Status end_split();
  // "cannot write PATH.tmp: ..."
  Status write_error(std::string_view what) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Hdf5WriterOptions options_;
  Hdf5File file_;
  std::optional<Split> split_;
  std::int32_t largest_label_ = 0;
};

}  // namespace lockstep
