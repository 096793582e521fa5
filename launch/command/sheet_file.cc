#include "launch/command/sheet_file.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "storage/base/file.h"
#include "storage/base/printable.h"
#include "storage/image/image.h"
#include "storage/picture/font.h"
#include "storage/picture/text.h"

namespace lockstep {
namespace {

constexpr int kTitleScale = 2, kTitleHeight = kTitleScale * kCellHeight + 6, kLineHeight = kCellHeight + 3;

std::string quoted(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string text = "'";
  for (const char c : word) c == '\'' ? text.append("'\\''") : text.append(1, c);
  return text + "'";
}

std::string row_line(const ShownRow& row) {
  return fmt::format("{}/{}\t{}\t{}", printable(row.split), row.row, printable(row.label), printable(row.source));
}

}  // namespace

std::string command_text(const std::string& program, int argc, const char* const* argv) {
  std::string text = program;
  for (int i = 1; i < argc; ++i) text.append(1, ' ').append(quoted(argv[i]));
  return text;
}

Status check_sheet_path(const std::filesystem::path& path) {
  if (path.extension() == ".png") return OkStatus();
  return bad_configuration(
      fmt::format("{}: expected the name of a PNG file to write, which ends in .png", path.native()));
}

Status check_sheet_size(const Grid& grid, const std::string& remedy) {
  if (std::int64_t(grid.width()) * grid.height() <= kMostPixels) return OkStatus();
  return bad_configuration(fmt::format("the sheet would have {} x {} pixels: expected at most {} million; {}",
                                       grid.width(), grid.height(), kMostPixels / 1'000'000, remedy));
}

Status write_sheet(const std::filesystem::path& path, const Canvas& canvas, const SheetFacts& facts) {
  std::string rows = "row\tlabel\tsource";
  for (const ShownRow& row : facts.rows) rows.append("\n").append(row_line(row));
  const std::array texts = {PngText{"Software", fmt::format("Lockstep {}", LOCKSTEP_VERSION)},
                            PngText{"Command", printable(facts.command)},
                            PngText{"File", printable(facts.file.native())},
                            PngText{"Fingerprint", fmt::format("{:016x}", facts.fingerprint)}, PngText{"Rows", rows}};
  const std::string file = encode_png(canvas.image(), texts);
  if (path.has_parent_path()) RETURN_IF_ERROR(make_directories(path.parent_path()));
  return write_file_atomically(path, std::array{std::string_view(file)});
}

nlohmann::ordered_json place_json(const Rectangle& place) {
  return {{"x", place.x}, {"y", place.y}, {"width", place.width}, {"height", place.height}};
}

nlohmann::ordered_json shown_json(const ShownRow& row) {
  return {{"split", row.split}, {"row", row.row}, {"label", row.label}, {"source", row.source}};
}

void draw_heading(Canvas& canvas, const Rectangle& place, const std::vector<std::string>& lines) {
  int y = place.y;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int scale = i == 0 ? kTitleScale : 1;
    const auto fits = std::size_t(std::max(place.width / (kCellWidth * scale), 0));
    canvas.write(shortened(lines[i], fits), place.x, y, i == 0 ? kInk : kGrey, scale);
    y += i == 0 ? kTitleHeight : kLineHeight;
  }
}

int heading_height(std::size_t lines) {
  return kTitleHeight + int(lines - 1) * kLineHeight;
}

}  // namespace lockstep
