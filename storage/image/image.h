// From the bytes of a picture file to pixels, and back to PNG.
//
// Bytes are from outside: sizes are checked against limits before anything is taken for them, and what is damaged, cut
// short or of a kind that is not read is bad_data, in words that follow the name of a file: "is cut short".
// Threads: all functions may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

enum class ImageFormat { kJpeg, kPng, kWebp, kPnm, kTiff };
std::string_view image_format_name(ImageFormat format);  // "PNG"

// (height, width, channels), line by line. 8 bits a value: a byte; 16: two, in the order of this machine.
struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;  // 1: grey; 2: grey and alpha; 3: red, green, blue; 4: these and alpha
  int bits = 8;      // 8 or 16
  std::vector<std::byte> pixels;

  std::size_t row_bytes() const { return std::size_t(width) * std::size_t(channels) * std::size_t(bits / 8); }
};

// What can be known of a picture without decoding it.
struct ImageHeader {
  ImageFormat format = ImageFormat::kPng;
  int height = 0;  // as it is to be seen, after `orientation`
  int width = 0;
  int channels = 0;     // as in Image, what a palette or another colour space becomes
  int bits = 8;         // 8 or 16; fewer count as 8
  int orientation = 1;  // 1 to 8, of EXIF: how the stored lines are to be turned
  int shrink = 1;       // DecodeOptions.shrink, for the decoder

  std::int64_t pixel_bytes() const { return std::int64_t(height) * width * channels * (bits / 8); }
};

struct DecodeOptions {
  int channels = 0;  // 1 or 3; 0: 3 for a picture in colour, else 1. Alpha is always composited.
  int bits = 0;      // 8 or 16; 0: as stored
  std::array<std::uint8_t, 3> background = {255, 255, 255};  // what shows through alpha
  int shrink = 1;  // 1, 2, 4 or 8: a JPEG becomes so much smaller, its sides rounded up; no other format does
};

// No picture of more pixels is decoded: 134 million, in colour 400 MB; nor one whose pixels take more bytes.
inline constexpr std::int64_t kMostPixels = std::int64_t(1) << 27, kMostPixelBytes = std::int64_t(1) << 29;
inline constexpr int kLongestSide = 1 << 20;

// Errors: bad_data.
StatusOr<ImageHeader> read_image_header(std::string_view file);
StatusOr<Image> decode_image(std::string_view file, const DecodeOptions& options);
// The numbers that the pixels are, one channel of them: grey values as they are stored, not scaled (of one bit 0 is
// black), or places in a palette, whatever its colours; turned as it is to be seen. Errors: also of colour, alpha, and
// formats that do not keep numbers.
StatusOr<Image> decode_indices(std::string_view file);

// What a PNG says besides its pixels. `keyword`: 1 to 79 letters of ASCII; `text`: UTF-8 without NUL.
struct PngText {
  std::string keyword;
  std::string text;
};
// The bytes of a PNG file. The same image and texts give the same bytes. Requires: as many pixels as the image says.
std::string encode_png(const Image& image, std::span<const PngText> texts = {});

}  // namespace lockstep
