// The sheet of `lockstep data info --pictures`: some rows of each class and the mean image.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "launch/command/data_info.h"
#include "storage/base/status.h"

namespace lockstep {

// Draws and writes it; what is on it, and where. Errors: bad_configuration (no such split, a name that is no PNG's);
// those of reading; io_error.
StatusOr<nlohmann::ordered_json> write_pictures(const InfoArguments& arguments,
                                                const std::vector<SplitDescription>& splits);

}  // namespace lockstep
