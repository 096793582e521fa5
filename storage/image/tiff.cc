#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include <tiffio.h>

#include "storage/image/codec.h"

namespace lockstep {
namespace {

// The memory that a file may ask for at once beyond its pixels: a strip or a tile of all of them, and tables.
constexpr std::int64_t kMostBytesAtOnce = std::int64_t(4) * kMostPixels;

struct Source {
  std::string_view file;
  std::uint64_t at = 0;
  char why[256] = "";
};

Source& source_of(thandle_t handle) {
  return *static_cast<Source*>(handle);
}

tmsize_t on_read(thandle_t handle, void* to, tmsize_t bytes) {
  Source& source = source_of(handle);
  const std::uint64_t left = source.at < source.file.size() ? source.file.size() - source.at : 0;
  const std::uint64_t count = std::min<std::uint64_t>(left, std::uint64_t(std::max<tmsize_t>(bytes, 0)));
  if (count > 0) std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return tmsize_t(count);
}

tmsize_t on_write(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = source_of(handle);
  const std::uint64_t from = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.file.size() : 0;
  source.at = from + offset;
  return source.at;
}

int on_close(thandle_t) {
  return 0;
}

toff_t on_size(thandle_t handle) {
  return source_of(handle).file.size();
}

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& source = *static_cast<Source*>(user);
  if (source.why[0] == '\0') std::vsnprintf(source.why, sizeof source.why, format, arguments);
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, Close>;

Status fault(const Source& source) {
  return bad_data(fmt::format("is a TIFF that is damaged, cut short or of a kind that is not read: {}", source.why));
}

StatusOr<Tiff> open(Source& source) {
  TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
  CHECK(options != nullptr, "no memory");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, kMostBytesAtOnce);
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, nullptr);
  Tiff tiff(TIFFClientOpenExt("TIFF", "rm", &source, on_read, on_write, on_seek, on_close, on_size, nullptr, nullptr,
                              options));
  TIFFOpenOptionsFree(options);
  if (!tiff) return fault(source);
  return tiff;
}

// How the values of its first page are stored.
struct Layout {
  ImageHeader header;
  std::uint32_t stored_height = 0, stored_width = 0;
  std::uint16_t samples = 1;  // stored for a pixel
  std::uint16_t bits = 1;
  std::uint16_t photometric = 0;
  std::uint16_t extra = EXTRASAMPLE_UNASSALPHA;  // what the sample after grey or colour is
  bool plain = false;  // 8 or 16 bits in grey or colour, pixel by pixel: read as they are; else libtiff converts them
};

StatusOr<Layout> layout_of(TIFF* tiff) {
  Layout layout;
  std::uint16_t planes = PLANARCONFIG_CONTIG, format = SAMPLEFORMAT_UINT, orientation = 1;
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.stored_height);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.stored_width);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric);
  std::uint16_t extras = 0;
  std::uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
  if (extras > 0 && kinds != nullptr) layout.extra = kinds[0];
  constexpr std::uint32_t kMost = std::numeric_limits<int>::max();
  if (layout.stored_height > kMost || layout.stored_width > kMost) return bad_data("is a TIFF of absurd size");
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    return bad_data("is a TIFF of signed, complex or floating-point values: expected unsigned ones of 8 or 16 bits");
  }
  const bool grey = layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
  const bool colour = layout.photometric == PHOTOMETRIC_RGB;
  const int alone = grey ? 1 : 3;
  const bool alpha = layout.samples == alone + 1;
  layout.plain = (grey || colour) && planes == PLANARCONFIG_CONTIG && (layout.bits == 8 || layout.bits == 16) &&
                 (layout.samples == alone || alpha);
  if (!layout.plain && layout.bits > 8) {
    return bad_data(
        fmt::format("is a TIFF of {} bits, {} samples a pixel, photometric interpretation {}: expected 8 or 16 "
                    "bits in grey or colour, pixel by pixel",
                    layout.bits, layout.samples, layout.photometric));
  }
  layout.header = {.format = ImageFormat::kTiff,
                   .height = int(layout.stored_height),
                   .width = int(layout.stored_width),
                   .channels = layout.plain ? layout.samples
                               : grey       ? 1
                                            : 3,
                   .bits = layout.plain ? layout.bits : 8,
                   .orientation = orientation >= 1 && orientation <= 8 ? orientation : 1};
  if (layout.header.orientation >= 5) std::swap(layout.header.height, layout.header.width);
  return layout;
}

// Rectangles of `tile_height` x `tile_width` one after another: tiles, or strips as wide as the picture.
bool read_pieces(TIFF* tiff, Image& image) {
  const bool tiled = TIFFIsTiled(tiff) != 0;
  std::uint32_t tile_height = 0, tile_width = std::uint32_t(image.width);
  if (tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &tile_height);
    tile_height = std::min(tile_height, std::uint32_t(image.height));
  }
  const std::size_t pixel = std::size_t(image.channels) * std::size_t(image.bits / 8);
  const std::size_t line = std::size_t(tile_width) * pixel;
  const tmsize_t bytes = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  if (tile_height == 0 || tile_width == 0 || bytes <= 0 || bytes > kMostBytesAtOnce ||
      std::size_t(bytes) != line * tile_height) {
    return false;
  }
  std::vector<std::byte> piece(static_cast<std::size_t>(bytes));
  std::uint32_t number = 0;
  for (std::uint32_t top = 0; top < std::uint32_t(image.height); top += tile_height) {
    const std::size_t lines = std::min(tile_height, std::uint32_t(image.height) - top);
    for (std::uint32_t left = 0; left < std::uint32_t(image.width); left += tile_width, ++number) {
      const tmsize_t wanted = tiled ? bytes : tmsize_t(lines * line);
      const tmsize_t got = tiled ? TIFFReadEncodedTile(tiff, number, piece.data(), wanted)
                                 : TIFFReadEncodedStrip(tiff, number, piece.data(), wanted);
      if (got < wanted) return false;
      const std::size_t columns = std::min(tile_width, std::uint32_t(image.width) - left);
      for (std::size_t y = 0; y < lines; ++y) {
        std::memcpy(image.pixels.data() + (top + y) * image.row_bytes() + left * pixel, piece.data() + y * line,
                    columns * pixel);
      }
    }
  }
  return true;
}

void invert(Image& image) {
  for (std::byte& byte : image.pixels) byte = ~byte;
}

// Makes of the last channel an alpha by which the others are not multiplied yet.
template <typename T>
void free_alpha(Image& image, std::uint16_t kind) {
  constexpr std::uint64_t kFull = static_cast<T>(~T{0});
  T* value = reinterpret_cast<T*>(image.pixels.data());
  const int colours = image.channels - 1;
  for (std::size_t i = 0; i < std::size_t(image.height) * std::size_t(image.width); ++i, value += image.channels) {
    if (kind != EXTRASAMPLE_ASSOCALPHA) value[colours] = static_cast<T>(kFull);  // it says nothing of opacity
    const std::uint64_t alpha = value[colours];
    for (int c = 0; c < colours && alpha > 0; ++c) {
      value[c] = static_cast<T>(std::min(kFull, (value[c] * kFull + alpha / 2) / alpha));
    }
  }
}

// Palettes, bits, separate planes and other colour spaces, as libtiff turns them into red, green, blue and alpha.
StatusOr<Image> converted(TIFF* tiff, const Layout& layout, const Source& source) {
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // as stored; `image` turns it
  std::vector<std::uint32_t> values(std::size_t(layout.stored_height) * layout.stored_width);
  if (TIFFReadRGBAImageOriented(tiff, layout.stored_width, layout.stored_height, values.data(), ORIENTATION_TOPLEFT,
                                1) == 0) {
    return fault(source);
  }
  Image image{int(layout.stored_height), int(layout.stored_width), layout.header.channels, 8, {}};
  image.pixels.resize(values.size() * std::size_t(image.channels));
  std::byte* to = image.pixels.data();
  for (const std::uint32_t value : values) {
    for (int c = 0; c < image.channels; ++c) *to++ = std::byte(std::uint8_t(value >> (8 * c)));
  }
  return image;
}

StatusOr<ImageHeader> tiff_header(std::string_view file) {
  Source source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open(source));
  ASSIGN_OR_RETURN(const Layout layout, layout_of(tiff.get()));
  return layout.header;
}

StatusOr<Image> decode_tiff(std::string_view file, const ImageHeader& /*header*/) {
  Source source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open(source));
  ASSIGN_OR_RETURN(const Layout layout, layout_of(tiff.get()));
  if (!layout.plain) return converted(tiff.get(), layout, source);
  Image image{int(layout.stored_height), int(layout.stored_width), layout.header.channels, layout.header.bits, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  if (!read_pieces(tiff.get(), image)) return fault(source);
  if (layout.photometric == PHOTOMETRIC_MINISWHITE && image.channels == 1) invert(image);
  if (image.channels % 2 == 0 && layout.extra != EXTRASAMPLE_UNASSALPHA) {
    image.bits == 8 ? free_alpha<std::uint8_t>(image, layout.extra) : free_alpha<std::uint16_t>(image, layout.extra);
  }
  return image;
}

// Lines of pixels of 1, 2 or 4 bits, the first one in the highest; a byte each.
bool read_packed(TIFF* tiff, std::uint32_t bits, Image& image) {
  std::vector<std::uint8_t> line(std::size_t(std::max<tmsize_t>(TIFFScanlineSize(tiff), 0)));
  const std::size_t width = std::size_t(image.width), in_byte = 8 / bits;
  if (line.size() < (width + in_byte - 1) / in_byte) return false;
  std::byte* to = image.pixels.data();
  for (std::uint32_t y = 0; y < std::uint32_t(image.height); ++y) {
    if (TIFFReadScanline(tiff, line.data(), y, 0) != 1) return false;
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t shift = (in_byte - 1 - x % in_byte) * bits;
      *to++ = std::byte(std::uint8_t(line[x / in_byte] >> shift & ((1U << bits) - 1)));
    }
  }
  return true;
}

StatusOr<Image> decode_tiff_indices(std::string_view file, const ImageHeader& /*header*/) {
  Source source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open(source));
  ASSIGN_OR_RETURN(const Layout layout, layout_of(tiff.get()));
  std::uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_COMPRESSION, &compression);
  if (compression == COMPRESSION_JPEG || compression == COMPRESSION_OJPEG) {
    return no_indices("a TIFF compressed as JPEG, which keeps no numbers");
  }
  const bool inverse = layout.photometric == PHOTOMETRIC_MINISWHITE;
  const bool one = inverse || layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_PALETTE;
  if (!one) return no_indices("a TIFF in colour");
  if (layout.samples != 1) return no_indices(fmt::format("a TIFF of {} samples a pixel", layout.samples));
  Image image{int(layout.stored_height), int(layout.stored_width), 1, layout.bits == 16 ? 16 : 8, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  const bool packed = layout.bits == 1 || layout.bits == 2 || layout.bits == 4;
  if (packed ? !read_packed(tiff.get(), layout.bits, image) : !read_pieces(tiff.get(), image)) return fault(source);
  if (inverse) invert(image);
  if (inverse && packed) {
    for (std::byte& byte : image.pixels) byte &= std::byte((1U << layout.bits) - 1);
  }
  return image;
}

}  // namespace

const ImageCodec kTiffCodec = {ImageFormat::kTiff,
                               "TIFF",
                               [](std::string_view file) {
                                 const std::string_view head = file.substr(0, 4);
                                 return head == std::string_view("II*\0", 4) || head == std::string_view("MM\0*", 4) ||
                                        head == std::string_view("II+\0", 4) || head == std::string_view("MM\0+", 4);
                               },
                               tiff_header,
                               decode_tiff,
                               decode_tiff_indices};

}  // namespace lockstep
