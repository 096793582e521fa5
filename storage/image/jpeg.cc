#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>

#include <jerror.h>
#include <jpeglib.h>

#include "storage/image/codec.h"
#include "storage/image/exif.h"

namespace lockstep {
namespace {

constexpr std::string_view kStart("\xff\xd8\xff", 3);
constexpr std::string_view kExif("Exif\0\0", 6);
constexpr int kMostScans = 100;  // a progressive file has some ten; each is a pass over the picture
constexpr long kMemoryBytes = 64L << 20, kMemoryBytesOfAPixel = 16;

// libjpeg leaves by longjmp: between setjmp and there nothing may have a destructor to run.
struct Reading {
  explicit Reading(std::string_view file);
  Reading(const Reading&) = delete;
  ~Reading() { jpeg_destroy_decompress(&jpeg); }

  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf leave;
  char why[JMSG_LENGTH_MAX] = "";
  bool cut = false;
  bool too_many_scans = false;
};

Reading& reading_of(j_common_ptr jpeg) {
  return *static_cast<Reading*>(jpeg->client_data);
}

void on_error(j_common_ptr jpeg) {
  Reading& reading = reading_of(jpeg);
  jpeg->err->format_message(jpeg, reading.why);
  std::longjmp(reading.leave, 1);
}

// Of what libjpeg would go on with: bytes that are missing or make no sense are the end.
void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // a trace
  const int code = jpeg->err->msg_code;
  if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
      code == JWRN_TOO_MUCH_DATA) {
    return;
  }
  reading_of(jpeg).cut = code == JWRN_JPEG_EOF;
  on_error(jpeg);
}

void on_progress(j_common_ptr jpeg) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(jpeg);
  if (decompress->input_scan_number <= kMostScans) return;
  reading_of(jpeg).too_many_scans = true;
  std::longjmp(reading_of(jpeg).leave, 1);
}

Reading::Reading(std::string_view file) {
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  if (setjmp(leave) != 0) CHECK(false, "libjpeg: {}", why);  // no memory, or another version of the library
  jpeg_create_decompress(&jpeg);
  jpeg.client_data = this;
  progress.progress_monitor = on_progress;
  jpeg.progress = &progress;
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
}

Status fault(const Reading& reading) {
  if (reading.cut) return bad_data("is a JPEG that is cut short");
  if (reading.too_many_scans) {
    return bad_data(fmt::format("is a JPEG of more than {} scans: expected some ten; save it again", kMostScans));
  }
  return bad_data(fmt::format("is a damaged JPEG: {}", reading.why));
}

bool begin(Reading& reading) {
  if (setjmp(reading.leave) != 0) return false;
  jpeg_save_markers(&reading.jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&reading.jpeg, TRUE);
  return true;
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view block(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (block.starts_with(kExif)) return exif_orientation(block.substr(kExif.size()));
  }
  return 1;
}

StatusOr<ImageHeader> header_of(const jpeg_decompress_struct& jpeg) {
  const int components = jpeg.num_components;
  if (components != 1 && components != 3 && components != 4) {
    return bad_data(fmt::format("is a JPEG of {} components: expected 1 (grey), 3 (colour) or 4 (CMYK)", components));
  }
  ImageHeader header{.format = ImageFormat::kJpeg,
                     .height = int(jpeg.image_height),
                     .width = int(jpeg.image_width),
                     .channels = components == 1 ? 1 : 3,
                     .bits = 8,
                     .orientation = orientation_of(jpeg)};
  if (header.orientation >= 5) std::swap(header.height, header.width);
  return header;
}

// Of Huffman codes a block takes a bit at least. So a small file that says it is a large picture costs no memory.
bool can_hold_its_blocks(const jpeg_decompress_struct& jpeg, std::size_t file_bytes) {
  std::uint64_t blocks = std::numeric_limits<std::uint64_t>::max();  // of the component that has the fewest
  for (int i = 0; i < jpeg.num_components; ++i) {
    const jpeg_component_info& component = jpeg.comp_info[i];
    blocks = std::min(blocks, std::uint64_t(component.width_in_blocks) * component.height_in_blocks);
  }
  return jpeg.arith_code != 0 || blocks / 8 <= file_bytes;
}

// To lines of the picture's own components.
bool read_lines(Reading& reading, JSAMPROW* lines) {
  jpeg_decompress_struct& jpeg = reading.jpeg;
  if (setjmp(reading.leave) != 0) return false;
  jpeg.mem->max_memory_to_use = kMemoryBytes + kMemoryBytesOfAPixel * long(jpeg.image_height) * long(jpeg.image_width);
  jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : jpeg.num_components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_start_decompress(&jpeg);
  while (jpeg.output_scanline < jpeg.output_height) {
    jpeg_read_scanlines(&jpeg, lines + jpeg.output_scanline, jpeg.output_height - jpeg.output_scanline);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

// Cyan, magenta, yellow and black to red, green and blue, each (1 - ink) (1 - black). Adobe's files hold 1 - ink.
Image from_cmyk(const Image& inks, bool inverted) {
  Image made{inks.height, inks.width, 3, 8, {}};
  made.pixels.resize(inks.pixels.size() / 4 * 3);
  const unsigned flip = inverted ? 0 : 255;
  const auto* from = reinterpret_cast<const std::uint8_t*>(inks.pixels.data());
  auto* to = reinterpret_cast<std::uint8_t*>(made.pixels.data());
  for (std::size_t i = 0; i < inks.pixels.size() / 4; ++i, from += 4, to += 3) {
    for (int c = 0; c < 3; ++c) to[c] = std::uint8_t(((from[c] ^ flip) * (from[3] ^ flip) + 127) / 255);
  }
  return made;
}

StatusOr<ImageHeader> jpeg_header(std::string_view file) {
  Reading reading(file);
  if (!begin(reading)) return fault(reading);
  return header_of(reading.jpeg);
}

StatusOr<Image> decode_jpeg(std::string_view file, const ImageHeader& header) {
  Reading reading(file);
  if (!begin(reading)) return fault(reading);
  if (!can_hold_its_blocks(reading.jpeg, file.size())) {
    return bad_data(fmt::format("is a JPEG that is cut short: its {} bytes cannot hold {} x {} pixels", file.size(),
                                reading.jpeg.image_width, reading.jpeg.image_height));
  }
  const auto shrunk = [&](JDIMENSION side) {
    return int((side + JDIMENSION(header.shrink) - 1) / JDIMENSION(header.shrink));
  };
  reading.jpeg.scale_num = 1;
  reading.jpeg.scale_denom = unsigned(header.shrink);
  Image image{shrunk(reading.jpeg.image_height), shrunk(reading.jpeg.image_width), reading.jpeg.num_components, 8, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  std::vector<JSAMPROW> lines;
  for (int y = 0; y < image.height; ++y) {
    lines.push_back(reinterpret_cast<JSAMPROW>(image.pixels.data() + std::size_t(y) * image.row_bytes()));
  }
  if (!read_lines(reading, lines.data())) return fault(reading);
  if (image.channels == 4) return from_cmyk(image, reading.jpeg.saw_Adobe_marker != 0);
  return image;
}

}  // namespace

const ImageCodec kJpegCodec = {ImageFormat::kJpeg, "JPEG",
                               [](std::string_view file) { return file.starts_with(kStart); }, jpeg_header,
                               decode_jpeg};

}  // namespace lockstep
