#include "storage/picture/grid.h"

#include <algorithm>

#include "storage/picture/font.h"

namespace lockstep {

Grid::Grid(const GridOptions& options)
    : options_(options),
      pictures_width_(options.pictures * (options.picture_width + kGap) - kGap),
      block_width_(options.caption_width + pictures_width_),
      block_height_(options.picture_height),
      columns_(options.columns) {
  CHECK(options.blocks >= 1 && options.pictures >= 1 && options.picture_width >= 1 && options.picture_height >= 1,
        "{} blocks", options.blocks);
  const int caption_height = options.caption_lines * kCellHeight;
  if (options.caption_width > 0) {
    block_height_ = std::max(block_height_, caption_height);
  } else {
    block_height_ += caption_height + kGap;
  }
  if (columns_ == 0) {
    for (columns_ = 1; columns_ < options.blocks && sheet_height(columns_) > sheet_width(columns_);) ++columns_;
  }
  columns_ =
      options.down ? (options.blocks + lines(columns_) - 1) / lines(columns_) : std::min(columns_, options.blocks);
}

int Grid::sheet_width(int columns) const {
  return 2 * kMargin + std::max(options_.least_width, columns * (block_width_ + kColumnGap) - kColumnGap);
}
int Grid::sheet_height(int columns) const {
  return 2 * kMargin + options_.heading_height + lines(columns) * (block_height_ + kBlockGap) - kBlockGap;
}
int Grid::width() const {
  return sheet_width(columns_);
}
int Grid::height() const {
  return sheet_height(columns_);
}

Rectangle Grid::heading() const {
  return {kMargin, kMargin, width() - 2 * kMargin, options_.heading_height};
}

Rectangle Grid::block(int number) const {
  const int column = options_.down ? number / lines(columns_) : number % columns_;
  const int line = options_.down ? number % lines(columns_) : number / columns_;
  return {kMargin + column * (block_width_ + kColumnGap),
          kMargin + options_.heading_height + line * (block_height_ + kBlockGap), block_width_, block_height_};
}

Rectangle Grid::picture(int number, int picture) const {
  const Rectangle place = block(number);
  return {place.x + options_.caption_width + picture * (options_.picture_width + kGap), place.y, options_.picture_width,
          options_.picture_height};
}

Rectangle Grid::caption(int number) const {
  const Rectangle place = block(number);
  if (options_.caption_width > 0) return {place.x, place.y, options_.caption_width - kGap, place.height};
  const int down = options_.picture_height + kGap;
  return {place.x, place.y + down, place.width, place.height - down};
}

}  // namespace lockstep
