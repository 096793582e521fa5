// What a format is to `image`: one file pair each, the only ones that include its library. A decoder gives the pixels
// as they are stored, 1 to 4 channels of 8 or 16 bits, not turned; it need not check limits, which were checked on the
// header. Errors: bad_data.
#pragma once

#include <string_view>

#include "storage/image/image.h"

namespace lockstep {

struct ImageCodec {
  ImageFormat format;
  std::string_view name;
  bool (*recognizes)(std::string_view file);  // by its first bytes
  StatusOr<ImageHeader> (*header)(std::string_view file);
  // `header` is this file's.
  StatusOr<Image> (*decode)(std::string_view file, const ImageHeader& header);
  // As decode_indices of image.h, not turned; none: the format does not keep numbers.
  StatusOr<Image> (*decode_indices)(std::string_view file, const ImageHeader& header) = nullptr;
};

// Of what has no indices: "a PNG in colour".
Status no_indices(std::string_view what);

extern const ImageCodec kJpegCodec, kPngCodec, kWebpCodec, kPnmCodec, kTiffCodec;

}  // namespace lockstep
