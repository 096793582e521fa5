#include <cstdint>
#include <cstring>
#include <utility>

#include <webp/decode.h>

#include "storage/image/codec.h"
#include "storage/image/exif.h"

namespace lockstep {
namespace {

const std::uint8_t* bytes_of(std::string_view file) {
  return reinterpret_cast<const std::uint8_t*>(file.data());
}

// The block of the chunk EXIF (WebP Container Specification): chunks are four letters, a length, that many bytes, and
// one more where it is odd.
std::string_view exif_block(std::string_view file) {
  constexpr std::size_t kContainerBytes = 12, kHeadBytes = 8;
  constexpr std::string_view kPrefix("Exif\0\0", 6);  // some writers put JPEG's before it
  for (std::size_t at = kContainerBytes; at + kHeadBytes <= file.size();) {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length |= std::uint64_t(std::uint8_t(file[at + 4 + i])) << (8 * i);
    const std::size_t begin = at + kHeadBytes;
    if (file.substr(at, 4) == "EXIF") {
      const std::string_view block = file.substr(begin, length);
      return block.starts_with(kPrefix) ? block.substr(kPrefix.size()) : block;
    }
    at = begin + length + length % 2;
  }
  return {};
}

Status fault(VP8StatusCode code) {
  if (code == VP8_STATUS_NOT_ENOUGH_DATA) return bad_data("is a WebP that is cut short");
  if (code == VP8_STATUS_UNSUPPORTED_FEATURE) return bad_data("is a WebP of a kind that is not read");
  return bad_data("is a damaged WebP");
}

StatusOr<ImageHeader> webp_header(std::string_view file) {
  WebPBitstreamFeatures features;
  const VP8StatusCode code = WebPGetFeatures(bytes_of(file), file.size(), &features);
  if (code != VP8_STATUS_OK) return fault(code);
  if (features.has_animation != 0) return bad_data("is an animated WebP: expected one picture");
  ImageHeader header{.format = ImageFormat::kWebp,
                     .height = features.height,
                     .width = features.width,
                     .channels = features.has_alpha != 0 ? 4 : 3,
                     .bits = 8,
                     .orientation = exif_orientation(exif_block(file))};
  if (header.orientation >= 5) std::swap(header.height, header.width);
  return header;
}

StatusOr<Image> decode_webp(std::string_view file, const ImageHeader& header) {
  const bool swapped = header.orientation >= 5;
  Image image{swapped ? header.width : header.height, swapped ? header.height : header.width, header.channels, 8, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  WebPDecoderConfig config;
  CHECK(WebPInitDecoderConfig(&config) != 0, "another version of libwebp");
  config.output.colorspace = header.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reinterpret_cast<std::uint8_t*>(image.pixels.data());
  config.output.u.RGBA.stride = int(image.row_bytes());
  config.output.u.RGBA.size = image.pixels.size();
  const VP8StatusCode code = WebPDecode(bytes_of(file), file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (code != VP8_STATUS_OK) return fault(code);
  return image;
}

}  // namespace

const ImageCodec kWebpCodec = {
    ImageFormat::kWebp, "WebP",
    [](std::string_view file) { return file.starts_with("RIFF") && file.substr(0, 12).ends_with("WEBP"); }, webp_header,
    decode_webp};

}  // namespace lockstep
