// A part of a picture file at another size, decoded no larger than it need be.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "storage/image/image.h"

namespace lockstep {

// In pixels of the picture as it is to be seen.
struct PictureWindow {
  int top = 0, left = 0, height = 0, width = 0;
};

struct WindowOptions {
  int height = 0, width = 0;  // what the window becomes
  int channels = 3;           // 1 or 3
  std::array<std::uint8_t, 3> background = {255, 255, 255};
};

// 8 bits a value. A JPEG is decoded at a half, a quarter or an eighth where the window is at least as large then as it
// becomes (libjpeg's scaling by the DCT); the window's edges fall on whole pixels of that. A function of the arguments
// and the decoder's version. Requires: a window inside the picture, of at least one pixel. Errors: bad_data, as
// decode_image.
StatusOr<Image> decode_window(std::string_view file, const PictureWindow& window, const WindowOptions& options);

}  // namespace lockstep
