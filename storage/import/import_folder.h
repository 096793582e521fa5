// Makes a dataset file from folders of pictures, a directory a class.
//
// The class of a picture is the path of its directory below the folder that is given, or the first part of it. Files
// that are no pictures by their extension are passed over; links are followed, but not in circles.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/import/draw.h"
#include "storage/import/found_rows.h"
#include "storage/import/pictures.h"

namespace lockstep {

struct FolderImport {
  // Either `all`, of which the shares are drawn, or `train` and, unless empty, the others.
  std::filesystem::path all;
  std::filesystem::path train, validation, test;
  SplitShares shares;
  std::uint64_t key = 0;  // of splits and order
  int depth = 0;          // so many parts of a path name the class; 0: all
  PictureOptions pictures;
  ImportOptions options;
};

// Replaces `path` only when everything was read and written. Errors: bad_data (what is found, all faults at once),
// io_error.
StatusOr<ImportSummary> import_folder(const FolderImport& import, const std::filesystem::path& path);

}  // namespace lockstep
