// Where things go on a sheet: below its headings, blocks of one size in columns; in each some pictures of one size
// beside each other, and their caption.
#pragma once

#include "storage/picture/canvas.h"

namespace lockstep {

struct GridOptions {
  int blocks = 0;
  int pictures = 1;  // of a block
  int picture_width = 0, picture_height = 0;
  int caption_width = 0;  // beside the pictures, at their left; 0: below them
  int caption_lines = 0;
  int heading_height = 0;
  int least_width = 0;  // of all blocks together, for what the headings need
  int columns = 0;      // 0: so many that the sheet is about as wide as high
  bool down = true;     // blocks follow one another down each column; or along each line
};

class Grid {
 public:
  // Requires: at least one block, pictures of a size.
  explicit Grid(const GridOptions& options);

  int width() const;
  int height() const;
  int columns() const { return columns_; }
  Rectangle picture(int block, int picture) const;
  Rectangle caption(int block) const;
  // Where headings go.
  Rectangle heading() const;

  static constexpr int kMargin = 16, kGap = 4, kBlockGap = 12, kColumnGap = 24;

 private:
  Rectangle block(int number) const;
  int sheet_width(int columns) const;
  int sheet_height(int columns) const;
  int lines(int columns) const { return (options_.blocks + columns - 1) / columns; }

  GridOptions options_;
  int pictures_width_;
  int block_width_, block_height_;
  int columns_;
};

}  // namespace lockstep
