// Makes a dataset file from pairs of IDX files, as MNIST, Fashion-MNIST, KMNIST and EMNIST come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

struct IdxSplit {
  std::string name;              // group in the result: "train"
  std::filesystem::path images;  // (rows, height, width) or (rows, height, width, channels), plain or gzipped
  std::filesystem::path labels;  // (rows)
};

struct IdxImport {
  std::vector<IdxSplit> splits;
  std::vector<std::string> class_names;  // empty: numbered
  int compress_level = 0;                // 0: contiguous; else deflate 1 to 9
  // Called now and then, and at the end of each split; may be empty.
  std::function<void(const std::string& split, std::int64_t rows_done, std::int64_t rows)> progress;
};

// Replaces `path` only when everything was read and written. The headers of all files are checked before anything is
// written, all faults at once. Errors: bad_data (inputs), io_error (output).
Status import_idx(const IdxImport& import, const std::filesystem::path& path);

}  // namespace lockstep
