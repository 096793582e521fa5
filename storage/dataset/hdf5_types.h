// Types of elements, as HDF5 has them and as users know them.
// Requires: the caller holds hdf5_lock().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/base/hdf5.h"
#include "storage/dataset/dataset.h"

namespace lockstep {

// Of names, and of paths in `sources`.
inline constexpr std::size_t kStringLimitBytes = 4096;

// Pixels in memory and, little-endian, in a file.
hid_t memory_type(PixelType type);
hid_t file_type(PixelType type);
// Of H5T_VARIABLE or fixed length.
Hdf5Type string_type(std::size_t size, H5T_cset_t character_set);

// By the names that their users know.
std::string_view class_name(H5T_class_t type_class);
std::string filter_name(H5Z_filter_t filter);

}  // namespace lockstep
