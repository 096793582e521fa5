#include "launch/command/data_info.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/command/data_pictures.h"
#include "launch/command/json_dump.h"
#include "storage/base/printable.h"
#include "storage/dataset/hdf5_dataset.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void print_numbers(const SplitDescription& split, const std::vector<std::string>& names, std::size_t width) {
  const DatasetInfo& info = split.info();
  fmt::print("  number  {:<{}}  {:>12}  {:>12}  unit\n", "name", width, "mean", "deviation");
  for (std::size_t i = 0; i < names.size(); ++i) {
    fmt::print("  {:>6}  {:<{}}  {:>12.6g}  {:>12.6g}  {}\n", i, names[i], width, info.target_mean[i],
               info.target_deviation[i], info.units.empty() ? "" : printable(info.units[i]));
  }
}

void print_classes(const SplitDescription& split) {
  std::size_t width = 4;
  std::vector<std::string> names;
  for (const std::string& name : split.info().class_names) {
    names.push_back(printable(name));
    width = std::max(width, columns(names.back()));
  }
  if (split.info().target == TargetKind::kNumbers) return print_numbers(split, names, width);
  fmt::print("  {}  {:<{}}  rows\n", target_noun(split.info().target), "name", width);
  for (std::size_t i = 0; i < split.info().class_rows.size(); ++i) {
    fmt::print("  {:>5}  {:<{}}  {}\n", i, names[i], width, split.info().class_rows[i]);
  }
}

}  // namespace

StatusOr<std::vector<SplitDescription>> describe_file(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, list_splits(path));
  if (names.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> links, links_passed_over(path));
    return bad_data(
        fmt::format("{}: no group has `images` and `labels`: expected groups such as `train` and `test`{}{}",
                    path.native(), links.empty() ? "" : "; links are not followed: ", fmt::join(links, ", ")));
  }
  std::vector<SplitDescription> descriptions;
  std::vector<std::string> faults;
  for (const std::string& name : names) {
    Hdf5DatasetOptions options;
    options.group = name;
    auto dataset = open_hdf5_dataset(path, options);
    const auto layout = dataset.ok() ? hdf5_layout(path, options) : dataset.status();
    const auto source = layout.ok() ? (*dataset)->source(0) : layout.status();
    if (!source.ok()) {
      faults.emplace_back(source.status().message());
      continue;
    }
    descriptions.push_back({name, *std::move(dataset), *layout, *source});
  }
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  return descriptions;
}

StatusOr<Findings> look_for_contradictions(const fs::path& path, const std::vector<SplitDescription>& descriptions) {
  const std::string train = Hdf5DatasetOptions().group;
  std::vector<const SplitDescription*> order;
  for (const SplitDescription& it : descriptions) order.push_back(&it);
  std::ranges::stable_partition(order, [&](const SplitDescription* it) { return it->name == train; });
  std::optional<ExaminedSplit> first;
  Findings findings;
  for (const SplitDescription* it : order) {
    ASSIGN_OR_RETURN(ExaminedSplit split, examine_split(path.native(), it->name, "images", "labels", *it->rows));
    Findings found =
        first ? find_contradictions(split, learned_from(*first)) : find_contradictions(std::span(&split, 1));
    auto& faults = it->name == "test" ? findings.faults : findings.warnings;
    std::ranges::move(found.faults, std::back_inserter(faults));
    std::ranges::move(found.warnings, std::back_inserter(findings.warnings));
    if (!first) first = std::move(split);
  }
  return findings;
}

Status say(const Findings& findings) {
  for (const std::string& warning : findings.warnings)
    fmt::print(stderr, "lockstep data: warning: {}\n", printable(warning));
  return fault_status(findings);
}

nlohmann::ordered_json split_json(const SplitDescription& split) {
  const DatasetInfo& info = split.info();
  Json classes = Json::array();
  for (std::size_t i = 0; i < split.info().class_rows.size(); ++i) {
    classes.push_back({{"name", info.class_names[i]}, {"rows", split.info().class_rows[i]}});
  }
  Json numbers = Json::array();
  for (std::size_t i = 0; i < info.target_mean.size(); ++i) {
    numbers.push_back({{"name", info.class_names[i]},
                       {"unit", info.units.empty() ? Json() : Json(info.units[i])},
                       {"mean", info.target_mean[i]},
                       {"deviation", info.target_deviation[i]}});
  }
  return {{"name", split.name},
          {"rows", info.rows},
          {"height", info.image.height},
          {"width", info.image.width},
          {"channels", info.image.channels},
          {"pixel_type", std::string(pixel_type_name(info.pixel_type))},
          {"layout", split.layout},
          {"mean", info.mean},
          {"deviation", info.deviation},
          {"fingerprint", fmt::format("{:016x}", info.fingerprint)},
          {"target", target_name(info.target)},
          {"sources", info.has_sources},
          {"classes", classes},
          {"numbers", numbers}};
}

void print_split(const SplitDescription& split) {
  const DatasetInfo& info = split.info();
  fmt::print("{}: {} images, {} x {} x {} {} (height, width, channels), {} {}, {}\n", printable(split.name), info.rows,
             info.image.height, info.image.width, info.image.channels, pixel_type_name(info.pixel_type),
             info.class_names.size(), target_nouns(info.target), split.layout);
  static constexpr std::size_t kMostTold = 8;
  const auto some = [](const std::vector<float>& values) {
    const std::span<const float> told = std::span(values).first(std::min(values.size(), kMostTold));
    return fmt::format("{:.4f}{}", fmt::join(told, " "), values.size() > kMostTold ? " ..." : "");
  };
  fmt::print("  mean {}, deviation {}\n", some(info.mean), some(info.deviation));
  if (info.has_sources) fmt::print("  the rows have sources; row {}\n", row_text(0, split.source));
}

namespace {

void print_pictures(const Json& sheet) {
  fmt::print("wrote {}: {} rows of {} on {} x {} pixels\n", printable(sheet["path"].get<std::string>()),
             sheet["rows"].size(), printable(sheet["split"].get<std::string>()), sheet["width"].get<int>(),
             sheet["height"].get<int>());
}

}  // namespace

Status show_info(const InfoArguments& arguments) {
  const fs::path& path = arguments.path;
  ASSIGN_OR_RETURN(const std::vector<SplitDescription> splits, describe_file(path));
  ASSIGN_OR_RETURN(Findings findings, look_for_contradictions(path, splits));
  ASSIGN_OR_RETURN(const std::vector<std::string> links, links_passed_over(path));
  for (const std::string& link : links) {
    findings.warnings.push_back(fmt::format(
        "{}: {}, which is not followed: it is no split; store the data themselves in the file", path.native(), link));
  }
  Json sheet;
  if (!arguments.pictures.empty()) {
    ASSIGN_OR_RETURN(sheet, write_pictures(arguments, splits));
  }
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (arguments.json) {
    Json json = {{"path", path.native()}, {"bytes", bytes}, {"splits", Json::array()}};
    for (const SplitDescription& split : splits) json["splits"].push_back(split_json(split));
    if (!sheet.is_null()) json["pictures"] = sheet;
    json["warnings"] = findings.warnings;
    json["faults"] = findings.faults;
    fmt::print("{}\n", json_dump(json, 2));
    return say(findings);
  }
  fmt::print("{}: {} bytes\n", printable(path.native()), bytes);
  for (const SplitDescription& split : splits) {
    print_split(split);
    print_classes(split);
  }
  if (!sheet.is_null()) print_pictures(sheet);
  return say(findings);
}

}  // namespace lockstep
