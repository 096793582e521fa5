// Images of arrays of others: which axis has the channels, and which type of pixels they become.
//
// Shape and type are one for all splits; where the type has to be found, all data are looked at. Integers of uint8 and
// uint16 stay what they are, others become that of the two which holds them all. Floats that are k / 255 to the last
// bit but one, or whole numbers, become integers, other floats float32 as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "storage/dataset/dataset.h"
#include "storage/import/hdf5_input.h"
#include "storage/import/import_hdf5.h"

namespace lockstep {

struct PixelPlan {
  ImageShape image;
  PixelType type = PixelType::kUint8;
  bool channels_first = false;  // as they are stored
  bool from_floats = false;     // to integers
  float scale = 1;              // by which such floats are multiplied
  std::string words;            // what was recognised
};

using LookProgress = std::function<void(const Hdf5Array& array, std::int64_t rows_done)>;

// Requires: at least one array. Errors: io_error, bad_data; what the arrays are not goes to `faults`, and the plan is
// then undefined.
StatusOr<PixelPlan> look_at_pixels(const std::vector<const Hdf5Array*>& arrays, ChannelOrder order,
                                   const LookProgress& progress, ImportFaults& faults);

// Rows as the plan has them, (height, width, channels) each; what is wrong with a row goes to `why`.
Status read_pixels(const Hdf5Array& array, const PixelPlan& plan, std::int64_t first, std::int64_t count,
                   std::span<std::byte> out, std::span<std::string> why);

}  // namespace lockstep
