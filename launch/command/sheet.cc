// lockstep data sheet: rows as a network gets them. A program of its own, which lockstep-data becomes: it has the job's
// transform, and so all that a training is linked with.
// Exit codes: 0; 2 usage or a job that is wrong; 3 data that are missing or bad; 74 the disk failed.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <nlohmann/json.hpp>

#include "launch/command/failure.h"
#include "launch/command/json_dump.h"
#include "launch/command/program.h"
#include "launch/command/row_picture.h"
#include "launch/command/sheet_file.h"
#include "launch/command/sheet_rows.h"
#include "launch/command/usage.h"
#include "storage/base/printable.h"
#include "storage/picture/font.h"
#include "storage/picture/text.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  lockstep data sheet launch/jobs/stamps.job.pbtxt stamps.png
  lockstep data sheet launch/jobs/stamps.job.pbtxt --rows train/12,train/99,test/3 stamps.png
  lockstep data sheet runs/stamps/job.pbtxt --set data.augmentation.random_crop.padding=12 stamps.png --json

Each row as it is stored, then as the network gets it in epochs 0 and 1, with its label and where it came from; masks
over their images. Normalization is taken back for the eye. Without --rows the first rows of epoch 0.)";

constexpr int kEpochs = 2;
constexpr int kSide = 128;  // pixels of a picture, at most

struct Arguments {
  std::string job, rows;
  std::filesystem::path out;
  int count = 24;
  std::vector<std::string> overrides;
  bool json = false;
  std::string command;
};

std::string on_one_line(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  CHECK(printer.PrintToString(message, &text));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// What the job changes at random, one after another.
std::vector<std::string> changes_of(const proto::Job& job) {
  proto::Augmentation first = job.data().augmentation();
  first.clear_transform();
  std::vector<std::string> changes;
  if (std::string text = on_one_line(first); !text.empty()) changes.push_back(std::move(text));
  for (const proto::Transform& it : job.data().augmentation().transform()) changes.push_back(on_one_line(it));
  return changes;
}

class Sheet {
 public:
  Sheet(SheetRows& rows, std::vector<RowName> names)
      : rows_(rows),
        names_(std::move(names)),
        is_mask_(rows.info().target == TargetKind::kMask),
        pictures_(rows.info(), rows.smallest(), rows.largest(), picture_size(rows.info().image, kSide)) {}

  std::vector<std::string> heading() const {
    const proto::Data& data = rows_.job().data();
    const std::vector<std::string> changes = changes_of(rows_.job());
    std::vector<std::string> lines = {
        fmt::format("{}: rows as the network gets them", std::filesystem::path(data.path()).filename().native()),
        fmt::format("each row as it is stored{}, then in epochs 0 and 1{}", is_mask_ ? ", with its mask" : "",
                    changes.empty() ? ": the job makes no random changes" : " after random changes:")};
    constexpr std::size_t kMostChanges = 12;
    for (std::size_t i = 0; i < std::min(changes.size(), kMostChanges); ++i) lines.push_back("  " + changes[i]);
    if (changes.size() > kMostChanges) lines.push_back(fmt::format("  and {} more", changes.size() - kMostChanges));
    const bool has_others = std::ranges::any_of(names_, [&](const RowName& it) { return !rows_.is_train(it.split); });
    lines.push_back(
        fmt::format("normalization is taken back{}", has_others ? "; rows of other splits are not changed" : ""));
    if (is_mask_) lines.emplace_back("masks in the colours below; chequered: counts nowhere");
    if (!pictures_.note().empty()) lines.push_back(pictures_.note());
    lines.push_back(fmt::format("fingerprint {:016x}", rows_.info().fingerprint));
    return lines;
  }

  Grid grid(std::size_t heading_lines) const {
    constexpr int kLeastWidth = 640;
    const int legend = is_mask_ ? kLegendHeight : 0;
    return Grid({.blocks = int(names_.size()),
                 .pictures = first_draw() + kEpochs,
                 .picture_width = pictures_.size().drawn_width(),
                 .picture_height = pictures_.size().drawn_height(),
                 .caption_width = 0,
                 .caption_lines = rows_.info().has_sources ? 2 : 1,
                 .heading_height = heading_height(heading_lines) + legend + Grid::kMargin,
                 .least_width = kLeastWidth,
                 .columns = 0,
                 .down = false});
  }

  // What is on the sheet, and where.
  StatusOr<Json> draw(Canvas& canvas, const Grid& grid, const std::vector<std::string>& lines,
                      std::vector<ShownRow>& shown) {
    draw_heading(canvas, grid.heading(), lines);
    if (is_mask_) draw_legend(canvas, grid.heading(), heading_height(lines.size()));
    Json rows = Json::array();
    for (int i = 0; i < int(names_.size()); ++i) {
      const RowName& name = names_[std::size_t(i)];
      ASSIGN_OR_RETURN(ShownRow row, rows_.shown(name));
      draw_caption(canvas, grid.caption(i), row);
      Json json = shown_json(row);
      ASSIGN_OR_RETURN(const RowView stored, rows_.stored(name));
      json["stored"] = put(canvas, grid.picture(i, 0), pictures_.picture(stored.values));
      if (is_mask_) json["mask"] = put(canvas, grid.picture(i, 1), pictures_.overlay(stored.values, stored.mask));
      json["draws"] = Json::array();
      for (int epoch = 0; epoch < (rows_.is_train(name.split) ? kEpochs : 1); ++epoch) {
        ASSIGN_OR_RETURN(const RowView view, rows_.transformed(name, epoch));
        const Image picture = is_mask_ ? pictures_.overlay(view.values, view.mask) : pictures_.picture(view.values);
        Json drawn = put(canvas, grid.picture(i, first_draw() + epoch), picture);
        drawn["epoch"] = rows_.is_train(name.split) ? Json(epoch) : Json();
        json["draws"].push_back(std::move(drawn));
      }
      rows.push_back(std::move(json));
      shown.push_back(std::move(row));
    }
    return rows;
  }

  Json size_json() const {
    const PictureSize& size = pictures_.size();
    return {
        {"shown_height", size.height}, {"shown_width", size.width}, {"scale", size.scale}, {"note", pictures_.note()}};
  }

 private:
  static constexpr int kLegendHeight = kCellHeight + 6, kSwatch = 9;

  int first_draw() const { return is_mask_ ? 2 : 1; }

  Json put(Canvas& canvas, const Rectangle& place, const Image& picture) const {
    canvas.frame(place, kHair);
    canvas.draw(picture, place.x, place.y, pictures_.size().scale);
    return place_json(place);
  }

  static void draw_caption(Canvas& canvas, const Rectangle& place, const ShownRow& row) {
    const auto fits = std::size_t(place.width / kCellWidth);
    const std::string name = fmt::format("{}/{}", row.split, row.row);
    canvas.write(shortened(fmt::format("{}  {}", name, row.label), fits), place.x, place.y);
    if (place.height < 2 * kCellHeight) return;
    canvas.write(shortened_at_front(row.source, fits), place.x, place.y + kCellHeight, kGrey);
  }

  // The classes of masks beside their colours, as many as fit.
  void draw_legend(Canvas& canvas, const Rectangle& place, int down) const {
    int x = place.x;
    const std::vector<std::string>& names = rows_.info().class_names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      constexpr std::size_t kMostCells = 24;
      const std::string name = shortened(names[i], kMostCells);
      const int wide = kSwatch + Grid::kGap + text_width(name);
      if (x + wide > place.x + place.width) return;
      canvas.fill({x, place.y + down + 3, kSwatch, kSwatch}, colour_of(i));
      canvas.write(name, x + kSwatch + Grid::kGap, place.y + down + 2, kInk);
      x += wide + Grid::kBlockGap;
    }
  }

  SheetRows& rows_;
  std::vector<RowName> names_;
  bool is_mask_;
  RowPictures pictures_;
};

StatusOr<Json> write_sheet_of(const Arguments& arguments) {
  RETURN_IF_ERROR(check_sheet_path(arguments.out));
  std::vector<RowName> names;
  if (!arguments.rows.empty()) {
    ASSIGN_OR_RETURN(names, parse_row_names(arguments.rows));
  }
  ASSIGN_OR_RETURN(SheetRows rows, SheetRows::open(arguments.job, arguments.overrides));
  if (names.empty()) names = rows.first_rows(arguments.count);
  RETURN_IF_ERROR(rows.look_up(names));
  Sheet sheet(rows, std::move(names));
  const std::vector<std::string> heading = sheet.heading();
  const Grid grid = sheet.grid(heading.size());
  RETURN_IF_ERROR(check_sheet_size(grid, "show fewer rows"));
  Canvas canvas(grid.width(), grid.height());
  SheetFacts facts{arguments.command, rows.job().data().path(), rows.info().fingerprint, {}};
  ASSIGN_OR_RETURN(const Json drawn, sheet.draw(canvas, grid, heading, facts.rows));
  RETURN_IF_ERROR(write_sheet(arguments.out, canvas, facts));
  Json json = {{"path", arguments.out.native()},
               {"file", rows.job().data().path()},
               {"fingerprint", fmt::format("{:016x}", rows.info().fingerprint)},
               {"augmentation", changes_of(rows.job())},
               {"width", grid.width()},
               {"height", grid.height()}};
  json.update(sheet.size_json());
  json["rows"] = drawn;
  return json;
}

Status show_sheet(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Json json, write_sheet_of(arguments));
  if (arguments.json) {
    fmt::print("{}\n", json_dump(json, 2));
    return OkStatus();
  }
  fmt::print("wrote {}: {} rows on {} x {} pixels\n", printable(arguments.out.native()), json["rows"].size(),
             json["width"].get<int>(), json["height"].get<int>());
  return OkStatus();
}

int run(int argc, char** argv) {
  Arguments arguments;
  arguments.command = command_text("lockstep data sheet", argc, argv);
  CLI::App app("Draw rows as the network gets them, before and after augmentation.", "lockstep data sheet");
  app.footer(kExamples);
  app.add_option("JOB", arguments.job, "Job file")->required();
  app.add_option("OUT", arguments.out, "PNG file to write")->required();
  CLI::Option* rows = app.add_option("--rows", arguments.rows, "Which: SPLIT/NUMBER, separated by commas");
  constexpr int kMostRows = 10000;
  app.add_option("--count", arguments.count, "The first so many rows of epoch 0")
      ->check(CLI::Range(1, kMostRows))
      ->capture_default_str()
      ->excludes(rows);
  app.add_option("--set", arguments.overrides, "Override a field of the job: path=value; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--json", arguments.json, "Print JSON");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  return report_failure("lockstep data sheet", show_sheet(arguments));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep data sheet", lockstep::Output::kResult, argc, argv, lockstep::run);
}
