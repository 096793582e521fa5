// The classes of one list of names as those of another: of a test split as those of the training rows, of any rows as
// those of a checkpoint.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// For each class or label of `info` its index in `names`, which `owner` ("group train") has: by name where `names` has
// each name that rows use; by number where one of the two lists only numbers its classes. A class without rows may be
// unknown: -1. Labels are the same, in any order. Errors: bad_data, without file or group in front: a name or a number
// that is not there, or one that is there twice.
StatusOr<std::vector<std::int32_t>> map_classes(const DatasetInfo& info, std::span<const std::string> names,
                                                std::string_view owner);

// Whether a map changes a label.
bool moves_classes(std::span<const std::int32_t> map);

// The same rows, their labels by `map` and their classes `names`. Requires: a map by map_classes for these rows.
std::unique_ptr<Dataset> with_classes(std::unique_ptr<Dataset> rows, std::span<const std::int32_t> map,
                                      std::vector<std::string> names);

}  // namespace lockstep
