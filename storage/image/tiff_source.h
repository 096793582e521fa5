// A TIFF in memory, as libtiff reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <tiffio.h>

#include "storage/base/status.h"

namespace lockstep {

// The memory that a file may ask for at once beyond its pixels: a strip or a tile of all of them, and tables.
inline constexpr std::int64_t kMostTiffBytesAtOnce = std::int64_t(1) << 29;

// What libtiff reads from, and the first thing that it complained of. Outlives the TIFF that is opened on it.
struct TiffSource {
  std::string_view file;
  std::uint64_t at = 0;
  char why[256] = "";
};

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

// Its first page. Errors: bad_data.
StatusOr<Tiff> open_tiff(TiffSource& source);
// bad_data, with what libtiff said.
Status tiff_fault(const TiffSource& source);

}  // namespace lockstep
