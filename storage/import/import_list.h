// Makes a dataset file of pictures that a table lists, with a class, several labels, numbers or a mask each.
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

// Columns by name or number.
struct ListImport {
  std::filesystem::path table;
  std::filesystem::path root;  // of relative paths, of masks too; empty: the directory of the table
  char delimiter = 0;          // 0: recognised
  std::string path;            // column: the picture
  // What it is; one of:
  std::string label;                 // column: the name of its class
  std::vector<std::string> labels;   // columns of 0 and 1, a label each; or one of names, apart by semicolons
  std::vector<std::string> numbers;  // columns of numbers
  std::vector<std::string> units;    // of the numbers; empty: not known
  std::string mask;                  // column: the file of its mask; pictures.masks says what is in them
  std::string split;                 // column: train, validation or test; empty: shares are drawn
  std::string group;                 // column: rows with the same cell stay in one split; empty: each is alone
  SplitShares shares;
  std::uint64_t key = 0;  // of splits and order
  PictureOptions pictures;
  ImportOptions options;
};

// Replaces `path` only when everything was read and written. Errors: bad_data (all faults at once), io_error.
StatusOr<ImportSummary> import_list(const ListImport& import, const std::filesystem::path& path);

}  // namespace lockstep
