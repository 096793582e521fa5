// Labels of arrays of others as the targets of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/import/hdf5_input.h"
#include "storage/import/hdf5_labels.h"

namespace lockstep {

// Targets of rows of array number `number` of those that were looked at, as the plan has them; what is wrong with a row
// goes to `why`.
Status read_labels(const Hdf5Array& array, std::size_t number, const LabelPlan& plan, std::int64_t first,
                   std::int64_t count, std::span<float> to, std::span<std::string> why);

}  // namespace lockstep
