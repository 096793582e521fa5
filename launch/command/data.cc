// lockstep data: import a dataset into HDF5, or describe one.
// Exit codes: 0; 2 usage; 3 input that is missing or bad; 74 the disk failed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "launch/command/failure.h"
#include "launch/command/json_dump.h"
#include "launch/command/program.h"
#include "launch/command/usage.h"
#include "storage/base/file.h"
#include "storage/base/printable.h"
#include "storage/dataset/contradictions.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/import_idx.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Arguments {
  std::string train_images, train_labels, test_images, test_labels;
  std::string class_names;
  int compress_level = 0;
  bool force = false;
  bool json = false;
  std::string path;
};

// One split as `info` shows it.
struct Description {
  std::string name;
  std::unique_ptr<Dataset> rows;
  std::string layout;
  std::string source;  // of row 0; empty where it is not known
  const DatasetInfo& info() const { return rows->info(); }
};

StatusOr<std::vector<Description>> describe_file(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, list_splits(path));
  if (names.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> links, links_passed_over(path));
    return bad_data(
        fmt::format("{}: no group has `images` and `labels`: expected groups such as `train` and `test`{}{}",
                    path.native(), links.empty() ? "" : "; links are not followed: ", fmt::join(links, ", ")));
  }
  std::vector<Description> descriptions;
  std::string faults;
  for (const std::string& name : names) {
    Hdf5DatasetOptions options;
    options.group = name;
    auto dataset = open_hdf5_dataset(path, options);
    const auto layout = dataset.ok() ? hdf5_layout(path, options) : dataset.status();
    const auto source = layout.ok() ? (*dataset)->source(0) : layout.status();
    if (!source.ok()) {
      faults += (faults.empty() ? "" : "\n") + std::string(source.status().message());
      continue;
    }
    descriptions.push_back({name, *std::move(dataset), *layout, *source});
  }
  if (!faults.empty()) return bad_data(faults);
  return descriptions;
}

// What `train` would say of the groups `train` and `test`; of other groups all is a warning, for they need not belong
// together. Where there is no `train` the first group stands for it.
StatusOr<Findings> look_for_contradictions(const fs::path& path, const std::vector<Description>& descriptions) {
  const std::string train = Hdf5DatasetOptions().group;
  std::vector<const Description*> order;
  for (const Description& it : descriptions) order.push_back(&it);
  std::ranges::stable_partition(order, [&](const Description* it) { return it->name == train; });
  std::optional<ExaminedSplit> first;
  Findings findings;
  for (const Description* it : order) {
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

// Warnings on standard error; the faults are the status.
Status say(const Findings& findings) {
  for (const std::string& warning : findings.warnings)
    fmt::print(stderr, "lockstep data: warning: {}\n", printable(warning));
  return fault_status(findings);
}

void print_split(const Description& split) {
  const DatasetInfo& info = split.info();
  fmt::print("{}: {} images, {} x {} x {} {} (height, width, channels), {} {}, {}\n", printable(split.name), info.rows,
             info.image.height, info.image.width, info.image.channels, pixel_type_name(info.pixel_type),
             info.class_names.size(), target_nouns(info.target), split.layout);
  fmt::print("  mean {:.4f}, deviation {:.4f}\n", fmt::join(info.mean, " "), fmt::join(info.deviation, " "));
  if (info.has_sources) fmt::print("  the rows have sources; row {}\n", row_text(0, split.source));
}

void print_numbers(const Description& split, const std::vector<std::string>& names, std::size_t width) {
  const DatasetInfo& info = split.info();
  fmt::print("  number  {:<{}}  {:>12}  {:>12}  unit\n", "name", width, "mean", "deviation");
  for (std::size_t i = 0; i < names.size(); ++i) {
    fmt::print("  {:>6}  {:<{}}  {:>12.6g}  {:>12.6g}  {}\n", i, names[i], width, info.target_mean[i],
               info.target_deviation[i], info.units.empty() ? "" : printable(info.units[i]));
  }
}

void print_classes(const Description& split) {
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

Json split_json(const Description& split) {
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

Status show_info(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::vector<Description> splits, describe_file(arguments.path));
  ASSIGN_OR_RETURN(Findings findings, look_for_contradictions(arguments.path, splits));
  ASSIGN_OR_RETURN(const std::vector<std::string> links, links_passed_over(arguments.path));
  for (const std::string& link : links) {
    findings.warnings.push_back(fmt::format(
        "{}: {}, which is not followed: it is no split; store the data themselves in the file", arguments.path, link));
  }
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(arguments.path, error);
  if (arguments.json) {
    Json json = {{"path", arguments.path}, {"bytes", bytes}, {"splits", Json::array()}};
    for (const Description& split : splits) json["splits"].push_back(split_json(split));
    json["warnings"] = findings.warnings;
    json["faults"] = findings.faults;
    fmt::print("{}\n", json_dump(json, 2));
    return say(findings);
  }
  fmt::print("{}: {} bytes\n", printable(arguments.path), bytes);
  for (const Description& split : splits) {
    print_split(split);
    print_classes(split);
  }
  return say(findings);
}

void show_progress(const std::string& split, std::int64_t rows_done, std::int64_t rows) {
  fmt::print(stderr, "\r{}: {} of {} rows{}", split, rows_done, rows, rows_done == rows ? "\n" : "");
}

// "a,b,c" as three names; none in an empty text.
StatusOr<std::vector<std::string>> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    if (names.back().empty()) {
      return bad_configuration(
          fmt::format("--class-names \"{}\" has an empty name: expected one between commas", text));
    }
    begin = end + 1;
  }
  return names;
}

Status run_import(const Arguments& arguments) {
  const fs::path path = arguments.path;
  std::error_code error;
  if (!arguments.force && fs::exists(path, error)) {
    return bad_configuration(fmt::format("{} exists: name another file, or replace it with --force", path.native()));
  }
  IdxImport import;
  ASSIGN_OR_RETURN(import.class_names, split_names(arguments.class_names));
  import.splits.push_back({"train", arguments.train_images, arguments.train_labels});
  if (!arguments.test_images.empty()) {
    import.splits.push_back({"test", arguments.test_images, arguments.test_labels});
  }
  import.compress_level = arguments.compress_level;
  if (isatty(STDERR_FILENO) == 1) import.progress = show_progress;

  const auto start = std::chrono::steady_clock::now();
  if (path.has_parent_path()) RETURN_IF_ERROR(make_directories(path.parent_path()));
  RETURN_IF_ERROR(import_idx(import, path));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  ASSIGN_OR_RETURN(const std::vector<Description> splits, describe_file(path));
  ASSIGN_OR_RETURN(const Findings findings, look_for_contradictions(path, splits));
  for (const Description& split : splits) print_split(split);
  fmt::print("wrote {}: {} bytes in {:.1f} s\n", printable(path.native()), fs::file_size(path, error), seconds.count());
  return say(findings);
}

constexpr const char* kExamples = R"(Examples (the files of Debian's package dataset-fashion-mnist):
  D=/usr/share/datasets/fashion-mnist
  lockstep data import idx \
    --train-images $D/train-images-idx3-ubyte.gz --train-labels $D/train-labels-idx1-ubyte.gz \
    --test-images $D/t10k-images-idx3-ubyte.gz --test-labels $D/t10k-labels-idx1-ubyte.gz \
    --class-names "T-shirt,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot" \
    data/fashion_mnist.h5
  lockstep data info data/fashion_mnist.h5

Exit codes: 0 done; 2 wrong usage; 3 an input is missing or bad; 74 the disk failed.)";

// Returns the verb `import idx`.
CLI::App* describe_import(CLI::App& app, Arguments& arguments) {
  CLI::App* import = app.add_subcommand("import", "Make an HDF5 dataset from files of another format");
  import->require_subcommand(1);
  CLI::App* idx = import->add_subcommand("idx", "From IDX files, plain or gzipped, as MNIST and Fashion-MNIST come");
  idx->add_option("--train-images", arguments.train_images, "IDX file of the training images")->required();
  idx->add_option("--train-labels", arguments.train_labels, "IDX file of the training labels")->required();
  CLI::Option* images = idx->add_option("--test-images", arguments.test_images, "IDX file of the test images");
  CLI::Option* labels = idx->add_option("--test-labels", arguments.test_labels, "IDX file of the test labels");
  images->needs(labels);
  labels->needs(images);
  idx->add_option("--class-names", arguments.class_names, "Names of the classes 0, 1, ..., separated by commas");
  idx->add_option("--compress", arguments.compress_level, "Deflate level; 0 is fastest to train from")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
  idx->add_flag("--force", arguments.force, "Replace OUT when it exists");
  idx->add_option("OUT", arguments.path, "The HDF5 file to make; its directory is made too")->required();
  return idx;
}

int report(const Status& status) {
  return report_failure("lockstep data", status);
}

int run(int argc, char** argv) {
  CLI::App app("Import a dataset into HDF5, or describe one.", "lockstep data");
  Arguments arguments;
  app.require_subcommand(1);
  app.footer(kExamples);
  const CLI::App* idx = describe_import(app, arguments);
  CLI::App* info = app.add_subcommand("info", "Show splits, shapes, layout, classes and statistics of a dataset file");
  info->add_option("FILE", arguments.path, "HDF5 file")->required();
  info->add_flag("--json", arguments.json, "Print JSON");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  return report(idx->parsed() ? run_import(arguments) : show_info(arguments));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep data", lockstep::Output::kResult, argc, argv, lockstep::run);
}
