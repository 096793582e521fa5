#include "launch/command/data_pictures.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "launch/command/row_picture.h"
#include "launch/command/sheet_file.h"
#include "storage/base/printable.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/mean_image.h"
#include "storage/dataset/row_groups.h"
#include "storage/picture/font.h"
#include "storage/picture/text.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostGroups = 1000;
constexpr int kSwatch = 9;  // pixels

StatusOr<const SplitDescription*> chosen_split(const std::string& name, const std::vector<SplitDescription>& splits) {
  const auto named = [&](const std::string& wanted) {
    return std::ranges::find(splits, wanted, &SplitDescription::name);
  };
  auto found = named(name.empty() ? Hdf5DatasetOptions().group : name);
  if (found != splits.end()) return &*found;
  if (name.empty()) return &splits.front();
  std::vector<std::string> names;
  names.reserve(splits.size());
  for (const SplitDescription& it : splits) names.push_back(it.name);
  return bad_configuration(fmt::format("--split {}: expected one of the file ({})", name, fmt::join(names, ", ")));
}

// One picture of a row: in the order of rows, which is that of the file.
struct Placed {
  std::int64_t row = 0;
  int group = 0, picture = 0;
};

class Sheet {
 public:
  Sheet(Dataset& rows, std::vector<RowGroup> groups, std::int64_t left_out, MeanImage mean)
      : rows_(rows),
        info_(rows.info()),
        groups_(std::move(groups)),
        left_out_(left_out),
        mean_(std::move(mean)),
        is_mask_(info_.target == TargetKind::kMask),
        pictures_(info_, mean_.smallest, mean_.largest, picture_size(info_.image, side())) {}

  // The grid has room for all.
  Grid grid(std::size_t heading_lines) const {
    std::size_t cells = 0, lines = 2;
    for (const RowGroup& group : groups_) {
      for (const std::string& line : caption(group)) cells = std::max(cells, drawn_characters(line).size());
      lines = std::max(lines, caption(group).size());
    }
    const PictureSize& size = pictures_.size();
    constexpr std::size_t kMostCells = 26;
    return Grid({.blocks = int(groups_.size()),
                 .pictures = shown_pictures(),
                 .picture_width = size.drawn_width(),
                 .picture_height = size.drawn_height(),
                 .caption_width = int(std::min(cells, kMostCells)) * kCellWidth + indent() + 2 * Grid::kGap,
                 .caption_lines = int(lines),
                 .heading_height = std::max(size.drawn_height(), heading_height(heading_lines)) + Grid::kMargin,
                 .least_width = kLeastWidth});
  }

  std::vector<std::string> heading(const std::string& title) const {
    std::vector<std::string> lines = {
        title,
        fmt::format("{} images of {} x {} x {} {}, {} {}", info_.rows, info_.image.height, info_.image.width,
                    info_.image.channels, pixel_type_name(info_.pixel_type), info_.class_names.size(),
                    target_nouns(info_.target)),
        mean_.rows == info_.rows ? "at the left the mean of all of them"
                                 : fmt::format("at the left the mean of {} of them", mean_.rows)};
    if (!pictures_.note().empty()) lines.push_back(pictures_.note());
    if (is_mask_) lines.push_back("each picture, and beside it with its mask in colours; chequered: counts nowhere");
    if (left_out_ > 0) lines.push_back(fmt::format("the first {}; {} more are left out", groups_.size(), left_out_));
    lines.push_back(fmt::format("fingerprint {:016x}", info_.fingerprint));
    return lines;
  }

  // Rows are read in their order, so that no chunk of the file is read twice.
  Status draw(Canvas& canvas, const Grid& grid, const std::vector<std::string>& lines) {
    const Rectangle heading = grid.heading();
    draw_picture(canvas, mean_place(grid), pictures_.picture(mean_.values));
    const int beside = pictures_.size().drawn_width() + Grid::kBlockGap;
    draw_heading(canvas, {heading.x + beside, heading.y, heading.width - beside, heading.height}, lines);
    for (int i = 0; i < int(groups_.size()); ++i) draw_caption(canvas, grid.caption(i), groups_[std::size_t(i)]);
    for (const Placed& it : placed()) RETURN_IF_ERROR(draw_row(canvas, grid, it));
    return OkStatus();
  }

  // Every row once, in the order of the sheet.
  StatusOr<std::vector<ShownRow>> shown(const std::string& split) const {
    std::vector<ShownRow> shown;
    for (const RowGroup& group : groups_) {
      for (const std::int64_t row : group.shown) {
        ASSIGN_OR_RETURN(std::string source, rows_.source(row));
        shown.push_back({split, row, group.name, std::move(source)});
      }
    }
    return shown;
  }

  Json json(const Grid& grid, const std::vector<ShownRow>& shown) const {
    Json pictures = Json::array();
    std::size_t at = 0;
    for (int i = 0; i < int(groups_.size()); ++i) {
      for (int k = 0; k < int(groups_[std::size_t(i)].shown.size()); ++k) {
        Json row = shown_json(shown[at++]);
        row["image"] = place_json(grid.picture(i, k * per_row()));
        if (is_mask_) row["mask"] = place_json(grid.picture(i, k * 2 + 1));
        pictures.push_back(std::move(row));
      }
    }
    const PictureSize& size = pictures_.size();
    return {{"width", grid.width()},
            {"height", grid.height()},
            {"shown_height", size.height},
            {"shown_width", size.width},
            {"scale", size.scale},
            {"note", pictures_.note()},
            {"mean", place_json(mean_place(grid))},
            {"mean_of_rows", mean_.rows},
            {"rows", pictures}};
  }

 private:
  static constexpr int kLeastWidth = 480;

  int side() const {
    constexpr std::size_t kFew = 20;
    constexpr int kLarge = 96, kSmall = 64;
    return groups_.size() <= kFew ? kLarge : kSmall;
  }
  int per_row() const { return is_mask_ ? 2 : 1; }
  int shown_pictures() const {
    std::size_t most = 1;
    for (const RowGroup& group : groups_) most = std::max(most, group.shown.size());
    return int(most) * per_row();
  }
  int indent() const { return is_mask_ ? kSwatch + Grid::kGap : 0; }

  Rectangle mean_place(const Grid& grid) const {
    return {grid.heading().x, grid.heading().y, pictures_.size().drawn_width(), pictures_.size().drawn_height()};
  }

  static std::vector<std::string> caption(const RowGroup& group) {
    const std::string number = fmt::format("{}", group.number);
    const bool numbered = group.number < 0 || group.name == number;
    std::vector<std::string> lines = {numbered ? group.name : number + " " + group.name};
    if (!group.note.empty()) lines.push_back(group.note);
    lines.push_back(fmt::format("{} row{}", group.rows, group.rows == 1 ? "" : "s"));
    return lines;
  }

  void draw_caption(Canvas& canvas, const Rectangle& place, const RowGroup& group) const {
    if (is_mask_) canvas.fill({place.x, place.y + 1, kSwatch, kSwatch}, colour_of(std::size_t(group.number)));
    const auto fits = std::size_t((place.width - indent()) / kCellWidth);
    int y = place.y;
    for (const std::string& line : caption(group)) {
      canvas.write(shortened(line, fits), place.x + indent(), y, y == place.y ? kInk : kGrey);
      y += kCellHeight;
    }
  }

  std::vector<Placed> placed() const {
    std::vector<Placed> all;
    for (int i = 0; i < int(groups_.size()); ++i) {
      const std::vector<std::int64_t>& shown = groups_[std::size_t(i)].shown;
      for (int k = 0; k < int(shown.size()); ++k) all.push_back({shown[std::size_t(k)], i, k});
    }
    std::ranges::sort(all, {}, [](const Placed& it) { return std::tuple(it.row, it.group, it.picture); });
    return all;
  }

  Status draw_row(Canvas& canvas, const Grid& grid, const Placed& it) {
    const std::int64_t row = it.row;
    stored_.resize(info_.image.elements() * bytes_per_pixel(info_.pixel_type));
    values_.resize(info_.image.elements());
    RETURN_IF_ERROR(rows_.read({&row, 1}, stored_));
    to_values(info_.pixel_type, stored_, values_);
    const Rectangle place = grid.picture(it.group, it.picture * per_row());
    draw_picture(canvas, place, pictures_.picture(values_));
    if (!is_mask_) return OkStatus();
    mask_.resize(info_.target_values());
    RETURN_IF_ERROR(rows_.read_targets({&row, 1}, mask_));
    const Rectangle beside = grid.picture(it.group, it.picture * 2 + 1);
    draw_picture(canvas, beside, pictures_.overlay(values_, mask_));
    return OkStatus();
  }

  void draw_picture(Canvas& canvas, const Rectangle& place, const Image& picture) const {
    canvas.frame(place, kHair);
    canvas.draw(picture, place.x, place.y, pictures_.size().scale);
  }

  Dataset& rows_;
  const DatasetInfo& info_;
  std::vector<RowGroup> groups_;
  std::int64_t left_out_;
  MeanImage mean_;
  bool is_mask_;
  RowPictures pictures_;
  std::vector<std::byte> stored_;
  std::vector<float> values_, mask_;
};

}  // namespace

StatusOr<Json> write_pictures(const InfoArguments& arguments, const std::vector<SplitDescription>& splits) {
  RETURN_IF_ERROR(check_sheet_path(arguments.pictures));
  ASSIGN_OR_RETURN(const SplitDescription* const split, chosen_split(arguments.split, splits));
  ASSIGN_OR_RETURN(std::vector<RowGroup> groups, group_rows(*split->rows, arguments.each));
  const std::int64_t left_out = std::max<std::int64_t>(0, std::int64_t(groups.size()) - kMostGroups);
  if (left_out > 0) groups.resize(kMostGroups);
  ASSIGN_OR_RETURN(MeanImage mean, mean_image(*split->rows));
  Sheet sheet(*split->rows, std::move(groups), left_out, std::move(mean));
  const std::vector<std::string> heading =
      sheet.heading(fmt::format("{}: {}", arguments.path.filename().native(), split->name));
  const Grid grid = sheet.grid(heading.size());
  RETURN_IF_ERROR(check_sheet_size(grid, "show fewer pictures of each class (--each)"));
  Canvas canvas(grid.width(), grid.height());
  RETURN_IF_ERROR(sheet.draw(canvas, grid, heading));
  SheetFacts facts{arguments.command, arguments.path, split->info().fingerprint, {}};
  ASSIGN_OR_RETURN(facts.rows, sheet.shown(split->name));
  RETURN_IF_ERROR(write_sheet(arguments.pictures, canvas, facts));
  Json json = {{"path", arguments.pictures.native()}, {"split", split->name}};
  json.update(sheet.json(grid, facts.rows));
  return json;
}

}  // namespace lockstep
