// Makes a dataset file from arrays of HDF5 files of others.
//
// Images: (rows, height, width), or with channels behind or before these; labels as hdf5_labels.h has them. Rows keep
// their order, in each split that is drawn too. Arrays are read some rows at a time, and all labels, and pixels of
// other types than uint8 and uint16, twice: once to find what they become.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/import/draw.h"
#include "storage/import/found_rows.h"

namespace lockstep {

enum class ChannelOrder { kRecognised, kFirst, kLast };
enum class LabelMeaning { kRecognised, kOneHot, kSeveral, kNumbers };

struct Hdf5Pair {
  std::string name;            // "train"
  std::string images, labels;  // "train/x" of the first file, or "other.h5:train/x"
};

struct Hdf5Import {
  std::vector<std::filesystem::path> files;  // at least one
  std::vector<Hdf5Pair> splits;              // empty: found by their names in all files
  std::string only_split = "train";          // what a split is called that has no name of its own
  std::string class_names;                   // an array, as above; or "a,b,c"; empty: an array that is called so
  ChannelOrder channels = ChannelOrder::kRecognised;
  LabelMeaning meaning = LabelMeaning::kRecognised;
  std::optional<std::int64_t> ignored;  // of masks: the value of pixels that count nowhere
  SplitShares shares;                   // of the first split
  std::uint64_t key = 0;
  ImportOptions options;
};

// Replaces `path` only when everything was read and written. Errors: bad_data (all faults at once), bad_configuration
// (the files are well, but what is asked for has to be said otherwise), io_error.
StatusOr<ImportSummary> import_hdf5(const Hdf5Import& import, const std::filesystem::path& path);

}  // namespace lockstep
