// The pixels of one dataset under another description.
#pragma once

#include <memory>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// The same pixels under this info and these labels. Requires: the same rows, shape and pixel type.
std::unique_ptr<Dataset> described_anew(std::unique_ptr<Dataset> rows, DatasetInfo info,
                                        std::vector<std::int32_t> labels);

}  // namespace lockstep
