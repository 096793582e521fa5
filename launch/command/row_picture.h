// Rows as pictures: from the values of their pixels to what an eye sees, and masks laid over it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "storage/dataset/dataset.h"
#include "storage/image/image.h"
#include "storage/picture/canvas.h"

namespace lockstep {

// One size for all pictures of a sheet: enlarged by a whole factor, or, where they are larger than there is room for,
// made smaller.
struct PictureSize {
  int height = 0, width = 0;  // before it is enlarged
  int scale = 1;
  int drawn_height() const { return height * scale; }
  int drawn_width() const { return width * scale; }
};
// Of at most `side` pixels.
PictureSize picture_size(const ImageShape& image, int side);

class RowPictures {
 public:
  // `smallest`, `largest`: of the values, as pixels count; uint8 is seen as it is.
  RowPictures(const DatasetInfo& info, float smallest, float largest, const PictureSize& size);

  const PictureSize& size() const { return size_; }
  // Values as pixels count, (height, width, channels). What is no finite number is magenta.
  Image picture(std::span<const float> values) const;
  // The row's mask in colours over its picture, half and half; what counts nowhere is white in every other pixel.
  Image overlay(std::span<const float> values, std::span<const float> mask) const;

  // What a caption must say of how values are seen: "the first of 70 channels; 0.2 is black, 0.9 white". Empty:
  // nothing.
  std::string note() const;

 private:
  Image seen(std::span<const float> values) const;
  Image sized(Image image) const;

  ImageShape shape_;
  PixelType type_;
  float black_ = 0, white_ = 1;
  PictureSize size_;
};

}  // namespace lockstep
