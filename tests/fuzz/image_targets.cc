// A decoder each: what it makes is what its header said and what was asked for, twice the same, and can be made to fit.
#include <algorithm>
#include <array>

#include <zlib.h>

#include "storage/image/exif.h"
#include "storage/image/image.h"
#include "storage/image/resize.h"
#include "tests/fuzz/target.h"

namespace lockstep {
namespace {

constexpr std::int64_t kMostPixelsHere = 1 << 20;  // larger pictures are good ones, and slow

void check_image(const Image& image, const ImageHeader& header, const DecodeOptions& options) {
  const bool grey_background = options.background[0] == options.background[1];
  const int colours = header.channels >= 3 || (header.channels == 2 && !grey_background) ? 3 : 1;
  CHECK(image.height == header.height && image.width == header.width, "{} x {}", image.height, image.width);
  CHECK(image.channels == (options.channels != 0 ? options.channels : colours), "{} channels", image.channels);
  CHECK(image.bits == (options.bits != 0 ? options.bits : header.bits), "{} bits", image.bits);
  CHECK(image.pixels.size() == image.row_bytes() * std::size_t(image.height), "{} bytes", image.pixels.size());
}

void check_fit(const Image& image, std::uint64_t choice) {
  const int height = 1 + int(choice % 40), width = 1 + int(choice / 40 % 40);
  for (const Fit fit : {Fit::kCrop, Fit::kPad, Fit::kExact}) {
    const Image made = fitted(image, height, width, fit, {1, 2, 3});
    CHECK(made.height == height && made.width == width, "{} x {}", made.height, made.width);
    CHECK(made.pixels.size() == made.row_bytes() * std::size_t(height), "{} bytes", made.pixels.size());
  }
}

std::string decode(std::string_view bytes) {
  const StatusOr<ImageHeader> header = read_image_header(bytes);
  if (!header.ok()) return std::string(header.status().message());
  CHECK(header->height > 0 && header->width > 0 && header->channels >= 1 && header->channels <= 4, "{} x {} x {}",
        header->height, header->width, header->channels);
  if (std::int64_t(header->height) * header->width > kMostPixelsHere) return "large";
  const std::uint64_t choice = choice_of(bytes);
  const DecodeOptions options{
      std::array{0, 1, 3}[choice % 3], std::array{0, 8, 16}[choice / 3 % 3],
      choice % 2 == 0 ? std::array<std::uint8_t, 3>{9, 9, 9} : std::array<std::uint8_t, 3>{1, 2, 3}};
  const StatusOr<Image> image = decode_image(bytes, options);
  if (!image.ok()) return std::string(image.status().message());
  check_image(*image, *header, options);
  check_fit(*image, choice / 9);
  CHECK(decode_image(bytes, options)->pixels == image->pixels, "other pixels the second time");
  return fmt::format("a good {} of {} channels of {} bits, turned {}", image_format_name(header->format),
                     std::array{"no", "one", "two", "three", "four"}[std::size_t(header->channels)],
                     header->bits == 8 ? "eight" : "sixteen", header->orientation == 1 ? "not" : "so");
}

std::string orientation(std::string_view bytes) {
  const int found = exif_orientation(bytes);
  CHECK(found >= 1 && found <= 8, "orientation {}", found);
  return std::array{"", "one", "two", "three", "four", "five", "six", "seven", "eight"}[std::size_t(found)];
}

// The checksums of the chunks, as far as their lengths make sense.
std::string with_png_checksums(std::string file) {
  const auto number = [&](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::uint8_t(file[at + i]);
    return value;
  };
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = number(at);
    if (length > file.size() - at - 12) break;
    const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(file.data() + at + 4), length + 4);
    for (std::size_t i = 0; i < 4; ++i) file[at + 8 + length + i] = char(std::uint8_t(sum >> (24 - 8 * i)));
    at += 12 + length;
  }
  return file;
}

constexpr FuzzTarget kTargets[] = {{"jpeg", decode}, {"png", decode, with_png_checksums},
                                   {"webp", decode}, {"pnm", decode},
                                   {"tiff", decode}, {"exif", orientation}};

}  // namespace

std::span<const FuzzTarget> image_targets() {
  return kTargets;
}

std::uint64_t choice_of(std::string_view bytes) {
  return crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

}  // namespace lockstep
