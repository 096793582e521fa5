#include "storage/image/image.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "storage/image/codec.h"
#include "storage/image/conversion.h"

namespace lockstep {
namespace {

const ImageCodec* const kCodecs[] = {&kJpegCodec, &kPngCodec, &kWebpCodec, &kPnmCodec, &kTiffCodec};

StatusOr<const ImageCodec*> codec_of(std::string_view file) {
  if (file.empty()) return bad_data("is empty");
  const auto found = std::ranges::find_if(kCodecs, [&](const ImageCodec* codec) { return codec->recognizes(file); });
  if (found != std::end(kCodecs)) return *found;
  std::string names;
  for (const ImageCodec* codec : kCodecs) names += (names.empty() ? "" : ", ") + std::string(codec->name);
  return bad_data(
      fmt::format("is no picture that is read here: expected {}; its first bytes are {:02x}", names,
                  fmt::join(file.substr(0, 8) | std::views::transform([](char c) { return std::uint8_t(c); }), " ")));
}

StatusOr<ImageHeader> checked_header(const ImageCodec& codec, std::string_view file) {
  ASSIGN_OR_RETURN(const ImageHeader header, codec.header(file));
  if (header.width < 1 || header.height < 1) {
    return bad_data(fmt::format("is a {} of {} x {} pixels", codec.name, header.width, header.height));
  }
  if (std::max(header.width, header.height) > kLongestSide ||
      std::int64_t(header.width) * header.height > kMostPixels) {
    return bad_data(fmt::format("is a {} of {} x {} pixels: expected at most {} million, and sides of at most {}",
                                codec.name, header.width, header.height, kMostPixels / 1'000'000, kLongestSide));
  }
  if (header.pixel_bytes() > kMostPixelBytes) {
    return bad_data(fmt::format("is a {} of {} x {} pixels, {} million bytes: expected at most {}", codec.name,
                                header.width, header.height, header.pixel_bytes() / 1'000'000,
                                kMostPixelBytes / 1'000'000));
  }
  return header;
}

}  // namespace

std::string_view image_format_name(ImageFormat format) {
  const auto found = std::ranges::find(kCodecs, format, &ImageCodec::format);
  CHECK(found != std::end(kCodecs), "format {}", int(format));
  return (*found)->name;
}

StatusOr<ImageHeader> read_image_header(std::string_view file) {
  ASSIGN_OR_RETURN(const ImageCodec* const codec, codec_of(file));
  return checked_header(*codec, file);
}

StatusOr<Image> decode_image(std::string_view file, const DecodeOptions& options) {
  ASSIGN_OR_RETURN(const ImageCodec* const codec, codec_of(file));
  ASSIGN_OR_RETURN(ImageHeader header, checked_header(*codec, file));
  header.shrink = options.shrink;
  ASSIGN_OR_RETURN(Image image, codec->decode(file, header));
  image = without_alpha(std::move(image), options.background);
  if (options.channels != 0) image = with_channels(std::move(image), options.channels);
  if (options.bits != 0) image = with_bits(std::move(image), options.bits);
  return turned(std::move(image), header.orientation);
}

Status no_indices(std::string_view what) {
  return bad_data(
      fmt::format("is {}: expected one number a pixel, in grey or with a palette, in a PNG, TIFF or PNM; give each "
                  "colour its number and save these, with Pillow: Image.fromarray(numbers.astype(\"uint8\"))",
                  what));
}

StatusOr<Image> decode_indices(std::string_view file) {
  ASSIGN_OR_RETURN(const ImageCodec* const codec, codec_of(file));
  ASSIGN_OR_RETURN(const ImageHeader header, checked_header(*codec, file));
  if (codec->decode_indices == nullptr) return no_indices(fmt::format("a {}, which keeps no numbers", codec->name));
  ASSIGN_OR_RETURN(Image image, codec->decode_indices(file, header));
  return turned(std::move(image), header.orientation);
}

}  // namespace lockstep
