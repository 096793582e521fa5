#include <csetjmp>
#include <cstring>

#include <png.h>

#include "storage/image/codec.h"
#include "storage/image/exif.h"

namespace lockstep {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
constexpr std::size_t kMostTextBytes = std::size_t(8) << 20;

// libpng leaves by longjmp: between setjmp and there nothing may have a destructor to run.
struct Reading {
  explicit Reading(std::string_view bytes) : file(bytes) {}
  Reading(const Reading&) = delete;
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }

  std::string_view file;
  std::size_t at = 0;
  bool cut = false;
  char error[128] = "";
  std::jmp_buf leave;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

void on_error(png_structp png, png_const_charp text) {
  auto& reading = *static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading.error, text, sizeof reading.error - 1);
  std::longjmp(reading.leave, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, std::size_t bytes) {
  auto& reading = *static_cast<Reading*>(png_get_io_ptr(png));
  if (bytes > reading.file.size() - reading.at) {
    reading.cut = true;
    png_error(png, "");
  }
  std::memcpy(to, reading.file.data() + reading.at, bytes);
  reading.at += bytes;
}

Status fault(const Reading& reading) {
  return reading.cut ? bad_data("is a PNG that is cut short")
                     : bad_data(fmt::format("is a damaged PNG: {}", reading.error));
}

// Whether a chunk before the pixels says that it is longer than the file: libpng would take as much memory.
bool is_cut_before_pixels(std::string_view file) {
  for (std::size_t at = kSignature.size(); at + 8 <= file.size() && file.substr(at + 4, 4) != "IDAT";) {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::uint8_t(file[at + i]);
    at += 12 + length;
    if (at > file.size()) return true;
  }
  return false;
}

// Reads all that comes before the pixels. False: an error.
bool begin(Reading& reading) {
  reading.cut = is_cut_before_pixels(reading.file);
  if (reading.cut) return false;
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
  CHECK(reading.png != nullptr, "no memory");
  reading.info = png_create_info_struct(reading.png);
  CHECK(reading.info != nullptr, "no memory");
  if (setjmp(reading.leave) != 0) return false;
  png_set_read_fn(reading.png, &reading, on_read);
  png_set_user_limits(reading.png, 0x7fffffff, 0x7fffffff);  // `image` has its own
  png_set_chunk_malloc_max(reading.png, kMostTextBytes);
  png_read_info(reading.png, reading.info);
  return true;
}

ImageHeader header_of(const Reading& reading) {
  const png_byte type = png_get_color_type(reading.png, reading.info);
  const bool alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(reading.png, reading.info, PNG_INFO_tRNS) != 0;
  const bool colour = (type & PNG_COLOR_MASK_COLOR) != 0;  // a palette has it, too
  ImageHeader header{.format = ImageFormat::kPng,
                     .height = int(png_get_image_height(reading.png, reading.info)),
                     .width = int(png_get_image_width(reading.png, reading.info)),
                     .channels = (colour ? 3 : 1) + (alpha ? 1 : 0),
                     .bits = png_get_bit_depth(reading.png, reading.info) == 16 ? 16 : 8};
  png_bytep exif = nullptr;
  png_uint_32 bytes = 0;
  if (png_get_eXIf_1(reading.png, reading.info, &bytes, &exif) != 0 && exif != nullptr) {
    header.orientation = exif_orientation({reinterpret_cast<const char*>(exif), bytes});
  }
  if (header.orientation >= 5) std::swap(header.height, header.width);
  return header;
}

// How pixels of fewer than 8 bits, palettes and a transparent colour are read.
enum class Pixels { kSeen, kStored };

// To lines of as many bytes as the header says.
bool read_lines(Reading& reading, Pixels pixels, png_bytep* lines, std::size_t line_bytes) {
  if (setjmp(reading.leave) != 0) return false;
  pixels == Pixels::kSeen ? png_set_expand(reading.png) : png_set_packing(reading.png);
  png_set_swap(reading.png);
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  if (png_get_rowbytes(reading.png, reading.info) != line_bytes)
    png_error(reading.png, "its chunks contradict its header");
  png_read_image(reading.png, lines);
  png_read_end(reading.png, nullptr);
  return true;
}

StatusOr<ImageHeader> png_header(std::string_view file) {
  constexpr std::uint64_t kDeflateRatio = 1032;  // of zlib's format, at most: a match of 258 bytes in 2 bits
  Reading reading(file);
  if (!begin(reading)) return fault(reading);
  const std::uint64_t bytes =
      std::uint64_t(png_get_rowbytes(reading.png, reading.info)) * png_get_image_height(reading.png, reading.info);
  if (bytes / kDeflateRatio > file.size()) {
    return bad_data(
        fmt::format("is a PNG that is cut short: its {} bytes cannot hold the {} of its pixels", file.size(), bytes));
  }
  return header_of(reading);
}

// Reads the pixels of what was begun.
StatusOr<Image> decode(Reading& reading, const ImageHeader& header, Pixels pixels, int channels) {
  const bool swapped = header.orientation >= 5;
  Image image{
      swapped ? header.width : header.height, swapped ? header.height : header.width, channels, header.bits, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  std::vector<png_bytep> lines;
  for (int y = 0; y < image.height; ++y) {
    lines.push_back(reinterpret_cast<png_bytep>(image.pixels.data() + std::size_t(y) * image.row_bytes()));
  }
  if (!read_lines(reading, pixels, lines.data(), image.row_bytes())) return fault(reading);
  return image;
}

StatusOr<Image> decode_png(std::string_view file, const ImageHeader& header) {
  Reading reading(file);
  if (!begin(reading)) return fault(reading);
  return decode(reading, header, Pixels::kSeen, header.channels);
}

StatusOr<Image> decode_png_indices(std::string_view file, const ImageHeader& header) {
  Reading reading(file);
  if (!begin(reading)) return fault(reading);
  const png_byte type = png_get_color_type(reading.png, reading.info);
  if (type == PNG_COLOR_TYPE_RGB || type == PNG_COLOR_TYPE_RGBA) return no_indices("a PNG in colour");
  if (type == PNG_COLOR_TYPE_GRAY_ALPHA) return no_indices("a PNG with alpha");
  return decode(reading, header, Pixels::kStored, 1);
}

}  // namespace

const ImageCodec kPngCodec = {
    ImageFormat::kPng, "PNG",      [](std::string_view file) { return file.starts_with(kSignature); },
    png_header,        decode_png, decode_png_indices};

}  // namespace lockstep
