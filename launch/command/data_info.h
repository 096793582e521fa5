// What a dataset file holds, as `lockstep data` shows it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "storage/base/status.h"
#include "storage/dataset/contradictions.h"
#include "storage/dataset/dataset.h"

namespace lockstep {

// One split.
struct SplitDescription {
  std::string name;
  std::unique_ptr<Dataset> rows;
  std::string layout;
  std::string source;  // of row 0; empty where it is not known
  const DatasetInfo& info() const { return rows->info(); }
};

// Errors: bad_data (all splits' faults), io_error.
StatusOr<std::vector<SplitDescription>> describe_file(const std::filesystem::path& path);

// What `train` would say of the groups `train` and `test`; of other groups all is a warning, for they need not belong
// together. Where there is no `train` the first group stands for it.
StatusOr<Findings> look_for_contradictions(const std::filesystem::path& path,
                                           const std::vector<SplitDescription>& descriptions);

// Warnings on standard error; the faults are the status.
Status say(const Findings& findings);

// Shape, statistics and whether its rows have sources.
void print_split(const SplitDescription& split);

nlohmann::ordered_json split_json(const SplitDescription& split);

// The verb `info`.
struct InfoArguments {
  std::filesystem::path path;
  bool json = false;
  std::filesystem::path pictures;  // a sheet to draw; empty: none
  std::string split;               // of the sheet; empty: `train`, or the first of the file
  int each = 8;                    // rows of a class on the sheet
  std::string command;             // that is running
};
Status show_info(const InfoArguments& arguments);

}  // namespace lockstep
