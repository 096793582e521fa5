// Reads ZIP archives (PKWARE's APPNOTE 6.3.10: central directory, ZIP64, stored and deflated members), as .npz files
// are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

struct ZipMember {
  std::string name;
  std::uint64_t header_at = 0;  // of its local header
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  int method = 0;  // 0: stored, 8: deflated
};

// Of an archive that is in memory whole. Errors: bad_data ("is ...", to follow the name of the file).
StatusOr<std::vector<ZipMember>> list_zip(std::string_view archive);

// What a member holds, proved by its checksum. No more memory is taken than a deflated member of its size can be worth.
StatusOr<std::string> read_zip(std::string_view archive, const ZipMember& member);

}  // namespace lockstep
