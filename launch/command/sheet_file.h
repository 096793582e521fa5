// A sheet of pictures as a PNG file that says how it was made, and as JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "storage/base/status.h"
#include "storage/picture/canvas.h"
#include "storage/picture/grid.h"

namespace lockstep {

// The program's arguments as a shell takes them: "lockstep data info 'my file.h5'".
std::string command_text(const std::string& program, int argc, const char* const* argv);

// One row on a sheet.
struct ShownRow {
  std::string split;
  std::int64_t row = 0;
  std::string label;   // what it is to be, in words
  std::string source;  // empty: not known
};

struct SheetFacts {
  std::string command;
  std::filesystem::path file;     // of the rows
  std::uint64_t fingerprint = 0;  // of their split
  std::vector<ShownRow> rows;
};

// Whether a sheet may be written there: a name that ends in .png. Errors: bad_configuration.
Status check_sheet_path(const std::filesystem::path& path);
// More pixels than a PNG is read with are not drawn. Errors: bad_configuration.
Status check_sheet_size(const Grid& grid, const std::string& remedy);

// Replaces what is there. The same sheet and facts give the same bytes. Errors: io_error.
Status write_sheet(const std::filesystem::path& path, const Canvas& canvas, const SheetFacts& facts);

nlohmann::ordered_json place_json(const Rectangle& place);
nlohmann::ordered_json shown_json(const ShownRow& row);

// Lines of text from the left upper corner of the place, the first in large letters, each cut to its width.
void draw_heading(Canvas& canvas, const Rectangle& place, const std::vector<std::string>& lines);
int heading_height(std::size_t lines);

}  // namespace lockstep
