// Rows that are picture files: decoded, brought to one size and to as many channels, several at a time.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/image/resize.h"
#include "storage/import/found_rows.h"
#include "storage/import/masks.h"

namespace lockstep {

struct Picture {
  std::filesystem::path file;
  RowSource source;                 // as the result tells it
  std::vector<float> targets;       // as storage/task/target.h has them; of masks none
  std::filesystem::path mask = {};  // the file of it, where the target is one
};

struct PictureOptions {
  int height = 0, width = 0;  // 0: all have one size, which is kept
  Fit fit = Fit::kCrop;
  int channels = 0;  // 1 or 3; 0: 3 if any is in colour
  int bits = 0;      // 8 or 16; 0: 16 if all have 16
  std::array<std::uint8_t, 3> background = {255, 255, 255};
  bool keep_encoded = false;  // the files' own bytes; of 8 bits when they are read, and the middle is kept
  MaskOptions masks = {};
};

class FoundPictures : public FoundRows {
 public:
  // After reading: warns of files with the same bytes in two splits, and of such with two targets.
  virtual void tell_duplicates(const std::vector<int>& splits, ImportSummary& summary) const = 0;
};

// Reads the header of every file. What is bad is found here or when the row is read, but sizes that differ are not:
// then `options` has none, and that is bad_data. `target`: of masks its names are those of `options`.
StatusOr<std::unique_ptr<FoundPictures>> find_pictures(std::vector<Picture> pictures, Target target,
                                                       const PictureOptions& options);

}  // namespace lockstep
