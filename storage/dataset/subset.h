// Some rows of a dataset, as a dataset of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// The rows `chosen`, in this order. Classes, and the mean and deviation of pixels, stay those of all rows; counts, mean
// and deviation of numbers, and the fingerprint are of the chosen ones. Requires: chosen is not empty, each in
// [0, rows->info().rows). Errors: those of Dataset::read_targets.
StatusOr<std::unique_ptr<Dataset>> subset(std::unique_ptr<Dataset> rows, std::vector<std::uint32_t> chosen);

}  // namespace lockstep
