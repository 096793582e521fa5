#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "storage/image/codec.h"
#include "storage/image/tiff_source.h"

namespace lockstep {
namespace {

// How the values of its first page are stored.
struct Layout {
  ImageHeader header;
  std::uint32_t stored_height = 0, stored_width = 0;
  std::uint16_t samples = 1;  // stored for a pixel
  std::uint16_t bits = 1;     // of a sample
  std::uint16_t photometric = PHOTOMETRIC_MINISBLACK;
  std::uint16_t extra = EXTRASAMPLE_UNASSALPHA;  // what the sample after grey or colour is
  std::uint16_t planes = 1;                      // 1: pixel by pixel; else one a sample
  bool plain = false;  // 8 or 16 bits in grey or colour: read as they are; else libtiff converts them
};

bool is_grey(const Layout& layout) {
  return layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
}

// Whether libtiff makes red, green and blue of it, and of all that it holds.
bool is_converted(TIFF* tiff, const Layout& layout) {
  char why[1024];
  switch (layout.photometric) {
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_PALETTE:
      if (layout.bits > 8 || layout.samples != 1) return false;
      break;
    case PHOTOMETRIC_YCBCR:
    case PHOTOMETRIC_CIELAB:
      if (layout.bits != 8 || layout.samples != 3) return false;
      break;
    case PHOTOMETRIC_SEPARATED:
      if (layout.bits != 8 || layout.samples != 4) return false;
      break;
    default:
      return false;
  }
  return TIFFRGBAImageOK(tiff, why) != 0;
}

Layout fields_of(TIFF* tiff) {
  Layout layout;
  std::uint16_t planes = PLANARCONFIG_CONTIG, orientation = 1, extras = 0;
  std::uint16_t* kinds = nullptr;
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.stored_height);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.stored_width);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric) == 0 && layout.samples >= 3) {
    layout.photometric = PHOTOMETRIC_RGB;
  }
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
  if (extras > 0 && kinds != nullptr) layout.extra = kinds[0];
  if (planes == PLANARCONFIG_SEPARATE) layout.planes = layout.samples;
  layout.header.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  return layout;
}

StatusOr<Layout> layout_of(TIFF* tiff) {
  Layout layout = fields_of(tiff);
  std::uint16_t format = SAMPLEFORMAT_UINT;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  constexpr std::uint32_t kMost = std::numeric_limits<int>::max();
  if (layout.stored_height > kMost || layout.stored_width > kMost) return bad_data("is a TIFF of absurd size");
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    return bad_data("is a TIFF of signed, complex or floating-point values: expected unsigned ones of 8 or 16 bits");
  }
  const int alone = is_grey(layout) ? 1 : 3;
  layout.plain = (is_grey(layout) || layout.photometric == PHOTOMETRIC_RGB) &&
                 (layout.bits == 8 || layout.bits == 16) && (layout.samples == alone || layout.samples == alone + 1);
  if (!layout.plain && !is_converted(tiff, layout)) {
    return bad_data(
        fmt::format("is a TIFF of {} bits, {} samples a pixel, photometric interpretation {}: expected 8 or 16 bits "
                    "in grey or colour, with or without alpha, or 8 bits in a palette, CMYK, YCbCr or L*a*b*, or grey "
                    "or a palette of 1, 2 or 4; save it so",
                    layout.bits, layout.samples, layout.photometric));
  }
  ImageHeader& header = layout.header;
  header.format = ImageFormat::kTiff;
  header.height = int(layout.stored_height);
  header.width = int(layout.stored_width);
  header.channels = layout.plain ? layout.samples : alone;
  header.bits = layout.plain ? layout.bits : 8;
  if (header.orientation >= 5) std::swap(header.height, header.width);
  return layout;
}

// Tiles, or strips as wide as the picture.
struct Pieces {
  bool tiled = false;
  std::uint32_t height = 0, width = 0;
  std::size_t bytes = 0;  // 0: they make no sense
};

Pieces pieces_of(TIFF* tiff, const Image& image, std::size_t pixel) {
  Pieces pieces{.tiled = TIFFIsTiled(tiff) != 0};
  if (pieces.tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &pieces.width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &pieces.height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &pieces.height);
    pieces.height = std::min(pieces.height, std::uint32_t(image.height));
    pieces.width = std::uint32_t(image.width);
  }
  const tmsize_t bytes = pieces.tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  if (pieces.height == 0 || pieces.width == 0 || bytes <= 0 || bytes > kMostTiffBytesAtOnce) return pieces;
  const bool fits = std::uint64_t(bytes) / pieces.height / pieces.width == pixel &&
                    std::uint64_t(bytes) % (std::uint64_t(pieces.height) * pieces.width) == 0;
  if (fits) pieces.bytes = std::size_t(bytes);
  return pieces;
}

// Puts a piece, whose pixels have `pixel` bytes, where it belongs: its first byte goes to `offset` bytes in a pixel.
void put_piece(const Pieces& pieces, const std::byte* piece, std::size_t pixel, std::uint32_t top, std::uint32_t left,
               std::size_t offset, Image& image) {
  const std::size_t lines = std::min(pieces.height, std::uint32_t(image.height) - top);
  const std::size_t columns = std::min(pieces.width, std::uint32_t(image.width) - left);
  const std::size_t step = std::size_t(image.channels) * std::size_t(image.bits / 8);
  for (std::size_t y = 0; y < lines; ++y) {
    std::byte* to = image.pixels.data() + (top + y) * image.row_bytes() + left * step + offset;
    const std::byte* from = piece + y * pieces.width * pixel;
    if (pixel == step) {
      std::memcpy(to, from, columns * pixel);
    } else {
      for (std::size_t x = 0; x < columns; ++x, to += step, from += pixel) std::memcpy(to, from, pixel);
    }
  }
}

struct Free {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};

// Plane by plane, of which each has its pieces from the left to the right, from the top to the bottom. No memory is
// taken for pixels before a piece could be read.
bool read_pieces(TIFF* tiff, int planes, Image& image) {
  const std::size_t pixel = std::size_t(image.channels / planes) * std::size_t(image.bits / 8);
  const Pieces pieces = pieces_of(tiff, image, pixel);
  if (pieces.bytes == 0) return false;
  // Zeros that cost nothing before they are written; some of libtiff's methods leave a part as it was.
  const std::unique_ptr<std::byte, Free> piece(static_cast<std::byte*>(std::calloc(pieces.bytes, 1)));
  CHECK(piece != nullptr, "no memory");
  const std::uint32_t height = std::uint32_t(image.height), width = std::uint32_t(image.width);
  std::uint32_t number = 0;
  for (int plane = 0; plane < planes; ++plane) {
    for (std::uint32_t top = 0; top < height; top += std::min(pieces.height, height - top)) {
      for (std::uint32_t left = 0; left < width; left += std::min(pieces.width, width - left), ++number) {
        const std::size_t lines = pieces.tiled ? pieces.height : std::min(pieces.height, height - top);
        const auto wanted = tmsize_t(lines * pieces.width * pixel);
        const tmsize_t got = pieces.tiled ? TIFFReadEncodedTile(tiff, number, piece.get(), wanted)
                                          : TIFFReadEncodedStrip(tiff, number, piece.get(), wanted);
        if (got < wanted) return false;
        if (image.pixels.empty()) image.pixels.resize(image.row_bytes() * std::size_t(image.height));
        put_piece(pieces, piece.get(), pixel, top, left, std::size_t(plane) * pixel, image);
        std::memset(piece.get(), 0, pieces.bytes);
      }
    }
  }
  return true;
}

// Dark is bright, but alpha is alpha.
void invert(Image& image) {
  const std::size_t sample = std::size_t(image.bits / 8), pixel = std::size_t(image.channels) * sample;
  for (std::size_t at = 0; at < image.pixels.size(); at += pixel) {
    for (std::size_t i = 0; i < sample; ++i) image.pixels[at + i] = ~image.pixels[at + i];
  }
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

// Bits, palettes and other colour spaces, as libtiff turns them into red, green and blue.
StatusOr<Image> converted(TIFF* tiff, const Layout& layout, const TiffSource& source) {
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // as stored; `image` turns it
  std::vector<std::uint32_t> values(std::size_t(layout.stored_height) * layout.stored_width);
  if (TIFFReadRGBAImageOriented(tiff, layout.stored_width, layout.stored_height, values.data(), ORIENTATION_TOPLEFT,
                                1) == 0) {
    return tiff_fault(source);
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
  TiffSource source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open_tiff(source));
  ASSIGN_OR_RETURN(const Layout layout, layout_of(tiff.get()));
  return layout.header;
}

StatusOr<Image> decode_tiff(std::string_view file, const ImageHeader& /*header*/) {
  TiffSource source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open_tiff(source));
  ASSIGN_OR_RETURN(const Layout layout, layout_of(tiff.get()));
  if (!layout.plain) return converted(tiff.get(), layout, source);
  Image image{int(layout.stored_height), int(layout.stored_width), layout.header.channels, layout.header.bits, {}};
  if (!read_pieces(tiff.get(), layout.planes, image)) return tiff_fault(source);
  if (layout.photometric == PHOTOMETRIC_MINISWHITE) invert(image);
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
  TiffSource source{.file = file};
  ASSIGN_OR_RETURN(const Tiff tiff, open_tiff(source));
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
  if (packed ? !read_packed(tiff.get(), layout.bits, image) : !read_pieces(tiff.get(), 1, image)) {
    return tiff_fault(source);
  }
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
