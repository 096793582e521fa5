// The rows of one dataset under another description.
#pragma once

#include <memory>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// The same pixels under this info, their targets by `map`; an empty map: as they are. Requires: the same rows, shape
// and pixel type; a map of every class that rows have; of labels, one to one.
std::unique_ptr<Dataset> described_anew(std::unique_ptr<Dataset> rows, DatasetInfo info,
                                        std::vector<std::int32_t> map = {});

}  // namespace lockstep
