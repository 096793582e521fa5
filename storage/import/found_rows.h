// What an importer found: rows of one shape with their targets, in an order of its own. To be written in another one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/dataset/dataset.h"
#include "storage/dataset/picture_files.h"
#include "storage/import/draw.h"
#include "storage/task/target.h"

namespace lockstep {

// Something that is in no row of the result, and the reason: "photos/cat 3.jpg", "is cut short".
struct LeftOut {
  std::string what;
  std::string why;
};

// What an import tells when it is done.
struct ImportSummary {
  std::vector<std::string> notes;  // what was recognised
  std::vector<LeftOut> left_out;
  std::vector<std::string> warnings;
};

class FoundRows {
 public:
  virtual ~FoundRows() = default;

  // The same for all rows.
  ImageShape image;
  PixelType pixel_type = PixelType::kUint8;
  Target target;
  std::int64_t rows = 0;
  bool normalize = true;     // false: a network is given the pixels as they are
  bool keeps_files = false;  // rows stay the bytes of picture files, and `image` is what they become
  std::array<std::uint8_t, 3> background = {255, 255, 255};  // of these

  // Images of these rows, (height, width, channels) each, and their targets. Whether the row is
  // good goes to `why`: empty, or what is wrong with it. Errors: what ends the import.
  virtual Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
                      std::span<std::string> why) = 0;
  virtual RowSource source(std::int64_t row) = 0;
  // Where files are kept: bytes of a row's, and the files of the rows that were read last, each empty where it is bad.
  virtual std::uint64_t file_bytes(std::int64_t /*row*/) const { return 0; }
  virtual std::span<const PictureFile> files() const { return {}; }
};

// Some of them, as a split of the result.
struct FoundSplit {
  std::string name;
  std::vector<std::int64_t> rows;
};

// Rows by their split, 0: train, 1: validation, 2: test, each in the order that is drawn; empty splits are left out.
// Errors: bad_data (no row is for training).
StatusOr<std::vector<FoundSplit>> in_drawn_order(const std::vector<Named>& rows, const std::vector<int>& splits,
                                                 std::uint64_t key);

struct ImportOptions {
  int compress_level = 0;  // 0: contiguous; else deflate 1 to 9
  bool skip_bad = false;   // bad rows are left out, else nothing is written
  // Called now and then, and at the end of each split; may be empty.
  std::function<void(const std::string& split, std::int64_t rows_done, std::int64_t rows)> progress;
};

// Writes the splits, each in the order of its rows, and returns the rows that were left out. Replaces `path` only when
// everything was read and written. Errors: bad_data (bad rows, all of them; a split that has no good one), io_error.
StatusOr<std::vector<LeftOut>> write_found(FoundRows& found, std::vector<FoundSplit> splits,
                                           const ImportOptions& options, const std::filesystem::path& path);

}  // namespace lockstep
