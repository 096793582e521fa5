#include "launch/command/data_import.h"

#include <chrono>
#include <cstdio>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "launch/command/data_info.h"
#include "launch/command/json_dump.h"
#include "storage/base/file.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void show_progress(const std::string& split, std::int64_t rows_done, std::int64_t rows) {
  fmt::print(stderr, "\r{}: {} of {} rows{}", split, rows_done, rows, rows_done == rows ? "\n" : "");
}

Status show_result(const ImportArguments& arguments, const ImportSummary& summary, double seconds) {
  const fs::path path = arguments.out;
  ASSIGN_OR_RETURN(const std::vector<SplitDescription> splits, describe_file(path));
  ASSIGN_OR_RETURN(Findings findings, look_for_contradictions(path, splits));
  findings.warnings.insert(findings.warnings.begin(), summary.warnings.begin(), summary.warnings.end());
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (arguments.json) {
    Json left_out = Json::array();
    for (const LeftOut& it : summary.left_out) left_out.push_back({{"what", it.what}, {"why", it.why}});
    Json json = {{"path", arguments.out}, {"bytes", bytes}, {"seconds", seconds}, {"splits", Json::array()}};
    for (const SplitDescription& split : splits) json["splits"].push_back(split_json(split));
    json["left_out"] = left_out;
    json["notes"] = summary.notes;
    json["warnings"] = findings.warnings;
    json["faults"] = findings.faults;
    fmt::print("{}\n", json_dump(json, 2));
    return say(findings);
  }
  for (const std::string& note : summary.notes) fmt::print("{}\n", printable(note));
  for (const SplitDescription& split : splits) print_split(split);
  for (const LeftOut& it : summary.left_out) fmt::print("left out: {}: {}\n", printable(it.what), printable(it.why));
  fmt::print("wrote {}: {} bytes in {:.1f} s\n", printable(arguments.out), bytes, seconds);
  return say(findings);
}

constexpr const char* kExamples = R"(Examples:
  lockstep data import folder photos data/photos.h5 --size 224 --validation 0.1 --test 0.1
  lockstep data import list scans.csv data/scans.h5 --path image --labels oedema,effusion --test 0.2
  lockstep data import npz bloodmnist.npz data/bloodmnist.h5
  lockstep data import hdf5 galaxies.h5 data/galaxies.h5 --images images --labels ans --test 0.2

`lockstep data import FORMAT --help` has more.)";

// "224", or "224x320": height x width.
bool read_size(const std::string& text, PictureOptions& options) {
  constexpr int kMost = 1 << 14;
  const std::size_t x = text.find('x');
  const std::string_view height = std::string_view(text).substr(0, x);
  const std::string_view width = x == std::string::npos ? height : std::string_view(text).substr(x + 1);
  return read_number(height, options.height) && read_number(width, options.width) && options.height >= 1 &&
         options.width >= 1 && options.height <= kMost && options.width <= kMost;
}

}  // namespace

std::shared_ptr<Verb> describe_imports(CLI::App& app) {
  const auto run = std::make_shared<Verb>();
  CLI::App* import = app.add_subcommand("import", "Make an HDF5 dataset from files of another format");
  import->require_subcommand(1);
  import->footer(kExamples);
  describe_folder(*import, *run);
  describe_list(*import, *run);
  describe_text(*import, *run);
  describe_npy(*import, *run);
  describe_npz(*import, *run);
  describe_hdf5(*import, *run);
  describe_cifar(*import, *run);
  describe_idx(*import, *run);
  return run;
}

void describe_common(CLI::App& verb, ImportArguments& arguments) {
  verb.add_option("--compress", arguments.compress_level, "Deflate level; 0 is fastest to train from")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
  verb.add_flag("--force", arguments.force, "Replace OUT when it exists");
  verb.add_flag("--json", arguments.json, "Print JSON");
}

Status run_import(const ImportArguments& arguments,
                  const std::function<StatusOr<ImportSummary>(const fs::path&)>& import) {
  const fs::path path = arguments.out;
  std::error_code error;
  if (!arguments.force && fs::exists(path, error)) {
    return bad_configuration(fmt::format("{} exists: name another file, or replace it with --force", path.native()));
  }
  const auto start = std::chrono::steady_clock::now();
  if (path.has_parent_path()) RETURN_IF_ERROR(make_directories(path.parent_path()));
  ASSIGN_OR_RETURN(const ImportSummary summary, import(path));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return show_result(arguments, summary, seconds.count());
}

std::function<void(const std::string&, std::int64_t, std::int64_t)> progress_of_terminal() {
  if (isatty(STDERR_FILENO) != 1) return {};
  return show_progress;
}

StatusOr<std::vector<std::string>> split_names(const std::string& text, std::string_view option) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    if (names.back().empty()) {
      return bad_configuration(fmt::format("{} \"{}\" has an empty name: expected one between commas", option, text));
    }
    begin = end + 1;
  }
  return names;
}

void describe_pictures(CLI::App& verb, PictureArguments& arguments) {
  verb.add_option("--size", arguments.size, "Pixels of each picture: 224, or height x width; without: as they are");
  verb.add_option("--fit", arguments.fit, "To that size: crop (the middle), pad (with background), exact (distort)")
      ->check(CLI::IsMember({"crop", "pad", "exact"}))
      ->capture_default_str();
  verb.add_option("--channels", arguments.channels, "grey or rgb; without: rgb if any picture is in colour")
      ->check(CLI::IsMember({"grey", "rgb"}));
  verb.add_flag("--keep-encoded", arguments.keep_encoded,
                "Keep the files' own bytes; they are decoded while training, at --size or the job's data.size");
  verb.add_option("--background", arguments.background, "What shows through alpha, and pads: hexadecimal")
      ->capture_default_str();
}

StatusOr<PictureOptions> picture_options(const PictureArguments& arguments) {
  PictureOptions options;
  std::vector<std::string> faults;
  if (!arguments.size.empty() && !read_size(arguments.size, options)) {
    faults.push_back(fmt::format("--size {}: expected pixels, as 224, or height x width, as 224x320", arguments.size));
  }
  if (arguments.keep_encoded && arguments.fit != "crop") {
    faults.push_back(
        fmt::format("--keep-encoded takes the middle of each picture: expected --fit crop, got {}", arguments.fit));
  }
  options.keep_encoded = arguments.keep_encoded;
  options.fit = arguments.fit == "crop" ? Fit::kCrop : arguments.fit == "pad" ? Fit::kPad : Fit::kExact;
  options.channels = arguments.channels.empty() ? 0 : arguments.channels == "grey" ? 1 : 3;
  std::uint32_t colour = 0;
  if (arguments.background.size() != 6 || !read_number(arguments.background, colour, 16)) {
    faults.push_back(fmt::format("--background {}: expected red, green and blue as six hexadecimal digits, as ffffff",
                                 arguments.background));
  }
  options.background = {std::uint8_t(colour >> 16), std::uint8_t(colour >> 8), std::uint8_t(colour)};
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  return options;
}

void describe_places(CLI::App& verb, PlaceArguments& arguments, const std::string& one, std::string_view noun) {
  const std::string share = fmt::format("A share of {}, drawn by key in each class; with --train a {}", one, noun);
  verb.add_option("--train", arguments.train, fmt::format("The {} of the training rows, in place of {}", noun, one));
  verb.add_option("--validation", arguments.validation, share);
  verb.add_option("--test", arguments.test, share);
  verb.add_option("--key", arguments.key, "Key of what is drawn: splits, and the order of rows")->capture_default_str();
  verb.add_option("PLACES", arguments.places, fmt::format("[{}] OUT: the {}, and the HDF5 file to make", one, noun))
      ->expected(1, 2)
      ->required();
}

StatusOr<SplitPlaces> split_places(const PlaceArguments& arguments, std::string_view one, std::string_view noun) {
  const bool drawn = arguments.places.size() == 2;
  SplitPlaces places;
  std::vector<std::string> faults;
  if (drawn != arguments.train.empty()) {
    faults.push_back(
        drawn ? fmt::format("--train names the {} of the training rows, and so does {}: give one of both", noun, one)
              : fmt::format("expected {} OUT, or --train {} OUT", one, one));
  }
  if (!drawn) {
    places.train = arguments.train;
    places.validation = arguments.validation;
    places.test = arguments.test;
  } else {
    places.all = arguments.places[0];
    for (const auto& [name, text, share] :
         {std::tuple("--validation", &arguments.validation, &places.shares.validation),
          {"--test", &arguments.test, &places.shares.test}}) {
      if (!text->empty() && !(read_number(*text, *share) && *share > 0 && *share < 1)) {
        faults.push_back(
            fmt::format("{} {}: expected a share of {}, above 0 and below 1, as 0.1; a {} goes with --train", name,
                        *text, one, noun));
      }
    }
    if (places.shares.validation + places.shares.test >= 1) {
      faults.push_back("--validation and --test: expected less than 1 together");
    }
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  return places;
}

char delimiter_of(std::string_view name) {
  return name == "tab" ? '\t' : name == "comma" ? ',' : name == "semicolon" ? ';' : '\0';
}

}  // namespace lockstep
