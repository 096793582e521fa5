// lockstep data import list
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "launch/command/data_import.h"
#include "storage/base/file.h"
#include "storage/import/import_list.h"

namespace lockstep {
namespace {

struct ListArguments : ImportArguments {
  ListImport import;
  std::string table, root, delimiter, labels, numbers, units, class_names, mask_values, ignored;
  PictureArguments pictures;
};

// One name a line of a file, else the names between commas.
StatusOr<std::vector<std::string>> class_names(const std::string& text) {
  constexpr std::size_t kMostBytes = std::size_t(16) << 20;
  std::error_code error;
  if (!std::filesystem::is_regular_file(text, error)) return split_names(text, "--class-names");
  ASSIGN_OR_RETURN(const std::string bytes, read_file(text, kMostBytes));
  std::vector<std::string> names;
  std::istringstream lines(bytes);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) return bad_configuration(fmt::format("{}:{}: expected a name", text, names.size() + 1));
    names.push_back(line);
  }
  return names;
}

// What the numbers in masks mean; adds its faults.
StatusOr<MaskOptions> mask_options(const ListArguments& arguments, std::vector<std::string>& faults) {
  MaskOptions masks;
  ASSIGN_OR_RETURN(masks.names, class_names(arguments.class_names));
  ASSIGN_OR_RETURN(const std::vector<std::string> values, split_names(arguments.mask_values, "--mask-values"));
  const auto number = [&](std::string_view option, const std::string& text) {
    int value = 0;
    if (!read_number(text, value) || value < 0 || value > kLargestMaskValue) {
      faults.push_back(fmt::format("{} {}: expected a number from 0 to {}", option, text, kLargestMaskValue));
    }
    return value;
  };
  std::set<int> known;
  for (const std::string& text : values) {
    masks.values.push_back(number("--mask-values", text));
    if (!known.insert(masks.values.back()).second) {
      faults.push_back(fmt::format("--mask-values: {} is there twice: expected a number for each class", text));
    }
  }
  if (!arguments.ignored.empty()) masks.ignored = number("--ignored", arguments.ignored);
  if (!values.empty() && !masks.names.empty() && values.size() != masks.names.size()) {
    faults.push_back(fmt::format("--mask-values: expected one for each of the {} classes of --class-names, got {}",
                                 masks.names.size(), values.size()));
  }
  const bool named = values.empty() && masks.ignored && std::size_t(*masks.ignored) < masks.names.size();
  if (named || (masks.ignored && known.contains(*masks.ignored))) {
    faults.push_back(
        fmt::format("--ignored {}: is the number of a class, too: expected one that is none; --mask-values "
                    "says which numbers the classes have, as 1,2,3",
                    *masks.ignored));
  }
  const bool given = !masks.names.empty() || !values.empty() || masks.ignored;
  if (given && arguments.import.mask.empty()) {
    faults.emplace_back("--class-names, --mask-values and --ignored are of masks: expected --mask beside them");
  }
  return masks;
}

StatusOr<ListImport> list_import(const ListArguments& arguments) {
  ListImport import = arguments.import;
  ASSIGN_OR_RETURN(import.pictures, picture_options(arguments.pictures));
  ASSIGN_OR_RETURN(import.labels, split_names(arguments.labels, "--labels"));
  ASSIGN_OR_RETURN(import.numbers, split_names(arguments.numbers, "--numbers"));
  ASSIGN_OR_RETURN(import.units, split_names(arguments.units, "--units"));
  std::vector<std::string> faults;
  ASSIGN_OR_RETURN(import.pictures.masks, mask_options(arguments, faults));
  const int answers = int(!import.label.empty()) + int(!import.labels.empty()) + int(!import.numbers.empty()) +
                      int(!import.mask.empty());
  if (answers != 1) faults.push_back("expected one of --label, --labels, --numbers and --mask: what is in a picture");
  if (!import.units.empty() && import.units.size() != import.numbers.size()) {
    faults.push_back(fmt::format("--units: expected one for each of the {} numbers, got {}", import.numbers.size(),
                                 import.units.size()));
  }
  if (import.shares.validation + import.shares.test >= 1) {
    faults.push_back("--validation and --test: expected less than 1 together");
  }
  if (!import.split.empty() && import.shares.validation + import.shares.test > 0) {
    faults.push_back("--split names the split of each row: expected no --validation and --test beside it");
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  import.table = arguments.table;
  import.root = arguments.root;
  import.delimiter = delimiter_of(arguments.delimiter);
  import.options.compress_level = arguments.compress_level;
  import.options.progress = progress_of_terminal();
  return import;
}

Status run_list(const ListArguments& arguments) {
  ASSIGN_OR_RETURN(const ListImport import, list_import(arguments));
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_list(import, path); });
}

constexpr const char* kListExamples = R"(Examples:
  lockstep data import list birds.csv data/birds.h5 --path file --label species --size 224 --test 0.1
  lockstep data import list scans.tsv data/scans.h5 --path image --labels oedema,effusion --group patient --test 0.2
  lockstep data import list photos.csv data/photos.h5 --path file --labels tags --split part
  lockstep data import list faces.csv data/faces.h5 --path file --numbers age --units years --size 128
  lockstep data import list cells.csv data/cells.h5 --path image --mask mask --class-names background,cell --size 256
  lockstep data import list cells.csv data/cells.h5 --path image --mask mask --class-names background,cell \
    --mask-values 0,255

The first line of the table names its columns. --labels takes columns of 0 and 1, or one column of names such as cat;dog.
A mask is a PNG, TIFF or PNM as large as its picture, in grey or with a palette; a pixel is the number of its class (of a
palette its place there, not its colour). It is cropped, padded and resized as the picture is, by nearest neighbour;
pixels of the padding count nowhere.)";

}  // namespace

void describe_list(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<ListArguments>();
  ListImport& to = arguments->import;
  CLI::App* list =
      import.add_subcommand("list", "From pictures that a table (CSV, TSV) lists, with labels, numbers or masks");
  list->footer(kListExamples);
  list->add_option("--path", to.path, "Column of the pictures' paths")->required();
  list->add_option("--root", arguments->root, "Directory of relative paths; without: that of the table");
  list->add_option("--label", to.label, "Column of the class");
  list->add_option("--labels", arguments->labels, "Columns of 0 and 1, separated by commas; or one of names a;b");
  list->add_option("--numbers", arguments->numbers, "Columns of numbers, separated by commas");
  list->add_option("--units", arguments->units, "Units of the numbers, separated by commas");
  list->add_option("--mask", to.mask, "Column of the paths of masks: a class for each pixel");
  list->add_option("--class-names", arguments->class_names,
                   "Names of the classes in masks, separated by commas, or a file with one a line; without: numbered");
  list->add_option("--mask-values", arguments->mask_values,
                   "The number of each class in masks, separated by commas; without: 0, 1, ...");
  list->add_option("--ignored", arguments->ignored, "The number in masks of pixels that count nowhere, as 255");
  list->add_option("--split", to.split, "Column that says train, validation or test");
  for (const auto& [name, share] : {std::pair("--validation", &to.shares.validation), {"--test", &to.shares.test}}) {
    list->add_option(name, *share, "A share of the rows, drawn by key in each class")->check(CLI::Range(0.0, 1.0));
  }
  list->add_option("--group", to.group, "Column of what is never parted: a patient, a video");
  list->add_option("--key", to.key, "Key of what is drawn: splits, and the order of rows")->capture_default_str();
  list->add_option("--delimiter", arguments->delimiter, "Between cells; without: recognised")
      ->check(CLI::IsMember({"comma", "tab", "semicolon"}));
  describe_pictures(*list, arguments->pictures);
  list->add_flag("--skip-bad", to.options.skip_bad, "Leave out pictures that cannot be read, in place of stopping");
  describe_common(*list, *arguments);
  list->add_option("TABLE", arguments->table, "The table")->required();
  list->add_option("OUT", arguments->out, "The HDF5 file to make; its directory is made too")->required();
  list->callback([arguments, &run] { run = [arguments] { return run_list(*arguments); }; });
}

}  // namespace lockstep
