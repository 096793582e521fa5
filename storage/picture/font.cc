#include "storage/picture/font.h"

#include <cstddef>
#include <string_view>

namespace lockstep {
namespace {

constexpr int kBandGlyphs = 16;
constexpr int kBandRows = 10;  // of a cell all but the first and the last, which are empty
constexpr char32_t kFirst = ' ', kBox = 0x7f;

// Sixteen characters beside each other, from the tops of capitals to the feet of descenders; the eighth row stands on
// the line.
constexpr std::string_view kRows[] = {
    // space to /
    "        #    # #   # #    #   ##  #  ##     #      #   #                                      # ",
    "        #    # #   # #   #### ##  # #  #    #     #     #                                     # ",
    "        #    # #  ##### # #      #  #  #    #    #       #  # # #   #                        #  ",
    "        #          # #   ###    #    ##          #       #   ###    #                        #  ",
    "        #          # #    # #   #   # # #        #       #  ##### #####       #####         #   ",
    "                  #####   # #  #    #  #         #       #   ###    #                       #   ",
    "        #          # #  ####  #  ## #  #          #     #   # # #   #     ##          ##   #    ",
    "        #          # #    #   #  ##  ## #          #   #                  ##          ##   #    ",
    "                                                                          #                     ",
    "                                                                         #                      ",
    // 0 to ?
    " ###    #    ###   ###     #  #####   ##  #####  ###   ###                  #       #      ###  ",
    "#   #  ##   #   # #   #   ##  #      #        # #   # #   #                #         #    #   # ",
    "#  ## # #       #     #  # #  #     #         # #   # #   #   ##    ##    #           #       # ",
    "# # #   #      #    ##  #  #  ####  ####     #   ###  #   #   ##    ##   #    #####    #     #  ",
    "# # #   #     #       # #  #      # #   #    #  #   #  ####              #             #    #   ",
    "##  #   #    #        # #####     # #   #   #   #   #     #               #   #####   #         ",
    "#   #   #   #     #   #    #  #   # #   #   #   #   #    #    ##    ##     #         #      #   ",
    " ###  ##### #####  ###     #   ###   ###    #    ###   ##     ##    ##      #       #       #   ",
    "                                                                    #                           ",
    "                                                                   #                            ",
    // @ to O
    " ###    #   ####   ###  ###   ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###  ",
    "#   #  # #  #   # #   # #  #  #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   # ",
    "# ### #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   # ",
    "# # # #   # ####  #     #   # ####  ####  #     #####   #      #  ##    #     # # # # # # #   # ",
    "# # # ##### #   # #     #   # #     #     # ### #   #   #      #  ##    #     #   # # # # #   # ",
    "# ##  #   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   # ",
    "#     #   # #   # #   # #  #  #     #     #   # #   #   #   #  #  #  #  #     #   # #  ## #   # ",
    " ###  #   # ####   ###  ###   ##### #      ###  #   #  ###   ##   #   # ##### #   # #   #  ###  ",
    "                                                                                                ",
    "                                                                                                ",
    // P to _
    "####   ###  ####   ###  ##### #   # #   # #   # #   # #   # #####  ###  #      ###    #         ",
    "#   # #   # #   # #   #   #   #   # #   # #   # #   # #   #     #  #    #        #   # #        ",
    "#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #   #     #       #  #   #       ",
    "#   # #   # #   #  ##     #   #   # #   # #   #   #    # #    #    #     #       #              ",
    "####  #   # ####     #    #   #   #  # #  # # #   #     #     #    #      #      #              ",
    "#     # # # # #       #   #   #   #  # #  # # #  # #    #    #     #      #      #              ",
    "#     #  #  #  #  #   #   #   #   #   #   ## ## #   #   #   #      #       #     #              ",
    "#      ## # #   #  ###    #    ###    #   #   # #   #   #   #####  ###     #   ###              ",
    "                                                                                          ##### ",
    "                                                                                                ",
    // ` to o
    " #          #               #         ##        #       #      #  #      ##                     ",
    "  #         #               #        #  #       #                 #       #                     ",
    "   #   ###  # ##   ###   ## #  ###   #     #### # ##   ##     ##  #  #    #   ## #  # ##   ###  ",
    "          # ##  # #   # #  ## #   # ###   #   # ##  #   #      #  # #     #   # # # ##  # #   # ",
    "       #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # # #   # #   # ",
    "      #   # #   # #     #   # #      #    #   # #   #   #      #  # #     #   # # # #   # #   # ",
    "      #   # #   # #   # #   # #   #  #    #  ## #   #   #      #  #  #    #   # # # #   # #   # ",
    "       #### ####   ###   ####  ###   #     ## # #   #  ###     #  #   #  ###  #   # #   #  ###  ",
    "                                              #             #  #                                ",
    "                                           ###               ##                                 ",
    // p to ~, and the box that stands for all others
    "                         #                                           ##   #   ##          ##### ",
    "                         #                                          #     #     #         #   # ",
    "####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####   #     #     #         #   # ",
    "#   # #   # ##  # #      #    #   # #   # #   #  # #  #   #    #   #      #      #   #  # #   # ",
    "#   # #   # #      ##    #    #   #  # #  # # #   #   #   #   #   #       #       # # # # #   # ",
    "#   # #   # #        #   #    #   #  # #  # # #   #   #   #  #     #      #      #  #  #  #   # ",
    "##  # #  ## #         #  #  # #  ##   #   # # #  # #  #  ## #       #     #     #         #   # ",
    "# ##   ## # #     ####    ##   ## #   #    # #  #   #  ## # #####   #     #     #         ##### ",
    "#         #                                               #          ##   #   ##                ",
    "#         #                                            ###                                      ",
};
static_assert(std::size(kRows) == std::size_t{6} * kBandRows);

}  // namespace

bool glyph_pixel(char32_t character, int x, int y) {
  const int row = y - 1;
  if (row < 0 || row >= kBandRows) return false;
  constexpr int kLine = 7;
  if (character == kEllipsis) return row == kLine && x % 2 == 0 && x + 1 < kCellWidth;
  const int glyph = int((character < kFirst || character > kBox ? kBox : character) - kFirst);
  const std::string_view pixels = kRows[glyph / kBandGlyphs * kBandRows + row];
  return pixels.substr(std::size_t(glyph % kBandGlyphs) * kCellWidth)[std::size_t(x)] == '#';
}

}  // namespace lockstep
