#include <algorithm>
#include <csetjmp>
#include <string>
#include <utility>
#include <vector>

#include <png.h>

#include "storage/image/image.h"

namespace lockstep {
namespace {

// libpng leaves by longjmp: between setjmp and there nothing may have a destructor to run.
struct Writing {
  Writing() = default;
  Writing(const Writing&) = delete;
  ~Writing() { png_destroy_write_struct(&png, &info); }

  std::string file;
  std::string error;
  std::jmp_buf leave;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

void on_error(png_structp png, png_const_charp text) {
  auto& writing = *static_cast<Writing*>(png_get_error_ptr(png));
  writing.error = text;
  std::longjmp(writing.leave, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_write(png_structp png, png_bytep bytes, std::size_t count) {
  static_cast<Writing*>(png_get_io_ptr(png))->file.append(reinterpret_cast<const char*>(bytes), count);
}

void on_flush(png_structp) {}

int colour_type(const Image& image) {
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  return kTypes[image.channels - 1];
}

// False: an error.
bool write(const Image& image, std::vector<png_text>& texts, std::vector<png_bytep>& lines, Writing& writing) {
  if (setjmp(writing.leave) != 0) return false;
  png_set_write_fn(writing.png, &writing, on_write, on_flush);
  png_set_IHDR(writing.png, writing.info, png_uint_32(image.width), png_uint_32(image.height), image.bits,
               colour_type(image), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  constexpr int kLevel = 6;
  png_set_compression_level(writing.png, kLevel);
  png_set_text(writing.png, writing.info, texts.data(), int(texts.size()));
  png_write_info(writing.png, writing.info);
  png_set_swap(writing.png);
  png_write_image(writing.png, lines.data());
  png_write_end(writing.png, nullptr);
  return true;
}

// ASCII as tEXt, which every reader knows; other text as iTXt, which is UTF-8.
std::vector<png_text> text_chunks(std::span<const PngText> texts) {
  std::vector<png_text> chunks;
  for (const PngText& it : texts) {
    constexpr std::size_t kMostOfKeyword = 79;
    CHECK(!it.keyword.empty() && it.keyword.size() <= kMostOfKeyword, "\"{}\"", it.keyword);
    const bool ascii = std::ranges::all_of(it.text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    png_text chunk = {};
    chunk.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    chunk.key = const_cast<png_charp>(it.keyword.c_str());
    chunk.text = const_cast<png_charp>(it.text.c_str());
    chunk.text_length = ascii ? it.text.size() : 0;
    chunk.itxt_length = ascii ? 0 : it.text.size();
    chunks.push_back(chunk);
  }
  return chunks;
}

}  // namespace

std::string encode_png(const Image& image, std::span<const PngText> texts) {
  CHECK(image.height >= 1 && image.width >= 1 && image.channels >= 1 && image.channels <= 4 &&
            image.pixels.size() == image.row_bytes() * std::size_t(image.height),
        "{} x {} x {}", image.height, image.width, image.channels);
  std::vector<png_text> chunks = text_chunks(texts);
  std::vector<png_bytep> lines;
  for (int y = 0; y < image.height; ++y) {
    const std::byte* const line = image.pixels.data() + std::size_t(y) * image.row_bytes();
    lines.push_back(const_cast<png_bytep>(reinterpret_cast<const png_byte*>(line)));
  }
  Writing writing;
  writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing, on_error, on_warning);
  CHECK(writing.png != nullptr, "no memory");
  writing.info = png_create_info_struct(writing.png);
  CHECK(writing.info != nullptr, "no memory");
  CHECK(write(image, chunks, lines, writing), "libpng: {}", writing.error);
  return std::move(writing.file);
}

}  // namespace lockstep
