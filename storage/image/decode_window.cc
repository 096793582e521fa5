#include "storage/image/decode_window.h"

#include <algorithm>
#include <cstring>

#include "storage/image/resize.h"

namespace lockstep {
namespace {

int shrink_of(const ImageHeader& header, const PictureWindow& window, const WindowOptions& options) {
  if (header.format != ImageFormat::kJpeg) return 1;
  int shrink = 1;
  while (shrink < 8 && window.height / (2 * shrink) >= options.height && window.width / (2 * shrink) >= options.width) {
    shrink *= 2;
  }
  return shrink;
}

// Of an extent of `from` pixels that has become `to`: the pixels that [begin, begin + length) touches.
std::pair<int, int> scaled(int begin, int length, int from, int to) {
  const auto place = [&](std::int64_t at) { return at * to; };
  const int first = int(place(begin) / from);
  const int end = int((place(begin + length) + from - 1) / from);
  return {std::min(first, to - 1), std::max(1, std::min(end, to) - std::min(first, to - 1))};
}

Image cut(const Image& image, const PictureWindow& window) {
  Image part{window.height, window.width, image.channels, image.bits, {}};
  part.pixels.resize(part.row_bytes() * std::size_t(part.height));
  const std::size_t pixel = std::size_t(image.channels) * std::size_t(image.bits / 8);
  for (int y = 0; y < part.height; ++y) {
    std::memcpy(
        part.pixels.data() + std::size_t(y) * part.row_bytes(),
        image.pixels.data() + std::size_t(window.top + y) * image.row_bytes() + std::size_t(window.left) * pixel,
        part.row_bytes());
  }
  return part;
}

}  // namespace

StatusOr<Image> decode_window(std::string_view file, const PictureWindow& window, const WindowOptions& options) {
  ASSIGN_OR_RETURN(const ImageHeader header, read_image_header(file));
  const bool inside = window.top >= 0 && window.left >= 0 && window.height >= 1 && window.width >= 1 &&
                      window.top + window.height <= header.height && window.left + window.width <= header.width;
  if (!inside) {
    return bad_data(fmt::format("is {} x {} pixels, and not as large as it was", header.width, header.height));
  }
  ASSIGN_OR_RETURN(const Image image, decode_image(file, {.channels = options.channels,
                                                          .bits = 8,
                                                          .background = options.background,
                                                          .shrink = shrink_of(header, window, options)}));
  const auto [top, height] = scaled(window.top, window.height, header.height, image.height);
  const auto [left, width] = scaled(window.left, window.width, header.width, image.width);
  return resized(cut(image, {top, left, height, width}), options.height, options.width);
}

}  // namespace lockstep
