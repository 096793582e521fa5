// The first 512 bytes of a checkpoint file, in front of the HDF5 image. The integers are little endian.
//
//   offset  bytes  content
//        0      8  "LOCKSTEP"
//        8      4  format version, 1
//       12      4  zero
//       16      8  length of the image: file length - 512
//       24     32  SHA-256 of the image
//       56    456  zero
//
// Every byte is checked, so no flipped bit in the file goes unseen.
// Threads: functions are independent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

inline constexpr std::size_t kUserBlockBytes = 512;
inline constexpr std::uint32_t kCheckpointFormatVersion = 2;  // that is written; those before are read

using Sha256Digest = std::array<char, 32>;

// Fills the first 512 bytes of `file`; the image already stands behind them. Requires: file.size() >= 512.
void write_user_block(std::span<char> file);

// Whether `head`, the first bytes of a file of so many, 512 or all there are, begins a checkpoint of that length: all
// that can be said before the image is read. Errors: bad_data.
Status check_user_block(std::string_view head, std::uint64_t file_bytes);

// The digest of the image, when all of the user block is right. Errors: bad_data.
StatusOr<Sha256Digest> verify_user_block(std::string_view file);

// 64 hexadecimal digits.
std::string hexadecimal(const Sha256Digest& digest);

}  // namespace lockstep
