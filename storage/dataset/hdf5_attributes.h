// Arrays of strings and of floats as HDF5 attributes, in the shapes that h5py reads and writes.
// Requires: the caller holds hdf5_lock().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <hdf5.h>

#include "storage/base/status.h"

namespace lockstep {

// nullopt when the object has no attribute of this name. Errors: bad_data (says what the attribute is instead; the
// caller puts path and object in front).
// Strings may be of fixed or variable length; at most kClassLimit of them, of at most 4,096 bytes.
StatusOr<std::optional<std::vector<std::string>>> read_string_attribute(hid_t object, const char* name);
StatusOr<std::optional<std::vector<float>>> read_float_attribute(hid_t object, const char* name);
// One whole number.
StatusOr<std::optional<std::int64_t>> read_integer_attribute(hid_t object, const char* name);

// UTF-8 of fixed length, padded with zeros: strings of variable length live in the one part of a file that has no
// checksum. Errors: io_error.
Status write_string_attribute(hid_t object, const char* name, std::span<const std::string> values);
Status write_float_attribute(hid_t object, const char* name, std::span<const float> values);
Status write_integer_attribute(hid_t object, const char* name, std::int64_t value);

}  // namespace lockstep
