// Makes a dataset file from CIFAR-10 or CIFAR-100 in their binary versions (Krizhevsky 2009, "Learning multiple layers
// of features from tiny images"; the page of the sets describes the files): rows of a label, in CIFAR-100 a coarse one
// before it, and 32 x 32 pixels, all red ones, then green, then blue.
#pragma once

#include <filesystem>

#include "storage/base/status.h"
#include "storage/import/found_rows.h"

namespace lockstep {

struct CifarImport {
  // Has data_batch_1.bin to data_batch_5.bin and test_batch.bin, or train.bin and test.bin; and the files of the names.
  std::filesystem::path directory;
  bool coarse = false;  // of CIFAR-100 the 20 coarse classes
  ImportOptions options;
};

// Rows keep their order. Replaces `path` only when everything was read and written. Errors: bad_data (all faults at
// once), io_error.
StatusOr<ImportSummary> import_cifar(const CifarImport& import, const std::filesystem::path& path);

}  // namespace lockstep
