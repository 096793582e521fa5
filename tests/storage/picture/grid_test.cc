#include "storage/picture/grid.h"

#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

bool overlap(const Rectangle& a, const Rectangle& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

// Pictures, captions and the heading of each block.
std::vector<Rectangle> places_of(const Grid& grid, const GridOptions& options) {
  std::vector<Rectangle> places = {grid.heading()};
  for (int block = 0; block < options.blocks; ++block) {
    places.push_back(grid.caption(block));
    for (int i = 0; i < options.pictures; ++i) places.push_back(grid.picture(block, i));
  }
  return places;
}

TEST(Grid, NothingOverlapsAndAllIsInside) {
  for (const int blocks : {1, 3, 10, 100}) {
    for (const int beside : {0, 70}) {
      for (const bool down : {false, true}) {
        const GridOptions options{.blocks = blocks,
                                  .pictures = 3,
                                  .picture_width = 20,
                                  .picture_height = 9,
                                  .caption_width = beside,
                                  .caption_lines = 2,
                                  .heading_height = 40,
                                  .least_width = 150,
                                  .columns = 0,
                                  .down = down};
        const Grid grid(options);
        const std::vector<Rectangle> places = places_of(grid, options);
        for (std::size_t i = 0; i < places.size(); ++i) {
          const Rectangle& it = places[i];
          EXPECT_TRUE(it.x >= 0 && it.y >= 0 && it.x + it.width <= grid.width() && it.y + it.height <= grid.height());
          for (std::size_t j = 0; j < i; ++j) ASSERT_FALSE(overlap(it, places[j])) << i << ", " << j;
        }
      }
    }
  }
}

TEST(Grid, ManyBlocksWrapIntoASheetAboutAsWideAsHigh) {
  const Grid grid({.blocks = 100, .pictures = 8, .picture_width = 56, .picture_height = 56, .caption_width = 150});
  EXPECT_GT(grid.columns(), 1);
  EXPECT_LT(grid.height(), grid.width());
  EXPECT_LT(grid.width(), 2 * grid.height());
  EXPECT_EQ(grid.picture(1, 0).x, grid.picture(0, 0).x);
  EXPECT_GT(grid.picture(1, 0).y, grid.picture(0, 0).y);
}

TEST(Grid, AlongLines) {
  const Grid grid({.blocks = 5, .picture_width = 10, .picture_height = 10, .columns = 2, .down = false});
  EXPECT_EQ(grid.picture(1, 0).y, grid.picture(0, 0).y);
  EXPECT_EQ(grid.picture(2, 0).x, grid.picture(0, 0).x);
  EXPECT_EQ(grid.columns(), 2);
}

}  // namespace
}  // namespace lockstep
