// Makes a dataset file from NumPy's arrays, .npy files or the members of one .npz file.
//
// Images: (rows, height, width) or (rows, height, width, channels), uint8, uint16, float32 or float64, which become
// float32. Labels: whole numbers, (rows) or (rows, 1): a class each; (rows, labels) of 0 and 1: several labels; floats:
// numbers. Rows keep their order. The arrays are in memory while they are written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/import/found_rows.h"

namespace lockstep {

struct NpySplit {
  std::string name;            // "train"
  std::string images, labels;  // paths of files, or names of members
};

struct NpyImport {
  std::filesystem::path archive;  // .npz; empty: the splits name files
  std::vector<NpySplit> splits;
  std::vector<std::string> class_names;  // of classes, labels or numbers; empty: numbered
  bool channels_first = false;           // images are (rows, channels, height, width)
  bool skip_missing = false;             // splits of which the archive has neither member are left out
  ImportOptions options;
};

// Replaces `path` only when everything was read and written. Errors: bad_data (all faults at once), io_error.
StatusOr<ImportSummary> import_npy(const NpyImport& import, const std::filesystem::path& path);

}  // namespace lockstep
