// lockstep data import hdf5
#include <fmt/format.h>

#include "launch/command/data_import.h"
#include "storage/import/import_hdf5.h"

namespace lockstep {
namespace {

struct Hdf5Arguments : ImportArguments {
  Hdf5Import import;
  std::vector<std::string> files;  // IN... OUT
  Hdf5Pair all{"", "", ""}, train{"train", "", ""}, validation{"validation", "", ""}, test{"test", "", ""};
  std::string layout, ignored;
  bool one_hot = false, several = false, numbers = false;
};

StatusOr<Hdf5Import> hdf5_import(const Hdf5Arguments& arguments) {
  Hdf5Import import = arguments.import;
  std::vector<std::string> faults;
  for (const Hdf5Pair& split : {arguments.all, arguments.train, arguments.validation, arguments.test}) {
    if (split.images.empty()) continue;
    if (!import.splits.empty() && import.splits[0].name.empty()) {
      faults.push_back(
          fmt::format("--images and --{}-images: expected --images for one split, or --train-images and the "
                      "like for each",
                      split.name));
    }
    import.splits.push_back(split);
  }
  if (!import.splits.empty() && import.splits[0].name.empty()) import.splits[0].name = import.only_split;
  if (import.shares.validation + import.shares.test >= 1) {
    faults.push_back("--validation and --test: expected less than 1 together");
  }
  std::int64_t ignored = 0;
  if (!arguments.ignored.empty() && !read_number(arguments.ignored, ignored)) {
    faults.push_back(fmt::format("--ignored {}: expected a whole number, as 255", arguments.ignored));
  } else if (!arguments.ignored.empty()) {
    import.ignored = ignored;
  }
  if (import.only_split.empty() || import.only_split.find('/') != std::string::npos) {
    faults.push_back(fmt::format("--split \"{}\": expected a name, as train", import.only_split));
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  import.files = {arguments.files.begin(), arguments.files.end() - 1};
  import.channels = arguments.layout.empty()      ? ChannelOrder::kRecognised
                    : arguments.layout == "first" ? ChannelOrder::kFirst
                                                  : ChannelOrder::kLast;
  import.meaning = arguments.one_hot   ? LabelMeaning::kOneHot
                   : arguments.several ? LabelMeaning::kSeveral
                   : arguments.numbers ? LabelMeaning::kNumbers
                                       : LabelMeaning::kRecognised;
  import.options.compress_level = arguments.compress_level;
  import.options.progress = progress_of_terminal();
  return import;
}

Status run_hdf5(Hdf5Arguments arguments) {
  ASSIGN_OR_RETURN(const Hdf5Import import, hdf5_import(arguments));
  arguments.out = arguments.files.back();
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_hdf5(import, path); });
}

constexpr const char* kHdf5Examples = R"(Examples:
  lockstep data import hdf5 train_catvnoncat.h5 test_catvnoncat.h5 data/cats.h5 --validation 0.1
  lockstep data import hdf5 camelyonpatch_level_2_split_*.h5 data/pcam.h5
  lockstep data import hdf5 galaxies.h5 data/galaxies.h5 --images images --labels ans --test 0.2
  lockstep data import hdf5 train_x.h5 data/mine.h5 --train-images x --train-labels train_y.h5:y

Without names they are found: train_x and train_y, X_test and y_test, train/images and train/labels, data and label and
the like; what was chosen is told. Labels: numbers or strings, one a row; (rows, labels) of 0 and 1, which are one-hot
where each row has exactly one 1; (rows, height, width), masks. Rows keep their order.)";

void describe_arrays(CLI::App& hdf5, Hdf5Arguments& arguments) {
  for (Hdf5Pair* split : {&arguments.all, &arguments.train, &arguments.validation, &arguments.test}) {
    const std::string prefix = split->name.empty() ? "--" : fmt::format("--{}-", split->name);
    const std::string of = split->name.empty() ? "of the only split" : fmt::format("of the split {}", split->name);
    CLI::Option* images = hdf5.add_option(fmt::format("{}images", prefix), split->images,
                                          fmt::format("PATH or FILE:PATH of the images {}", of));
    CLI::Option* labels = hdf5.add_option(fmt::format("{}labels", prefix), split->labels,
                                          fmt::format("PATH or FILE:PATH of the labels {}", of));
    images->needs(labels);
    labels->needs(images);
  }
}

}  // namespace

void describe_hdf5(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<Hdf5Arguments>();
  Hdf5Import& to = arguments->import;
  CLI::App* hdf5 = import.add_subcommand("hdf5", "From arrays in HDF5 files of others");
  hdf5->footer(kHdf5Examples);
  describe_arrays(*hdf5, *arguments);
  hdf5->add_option("--split", to.only_split, "Name of the only split")->capture_default_str();
  for (const auto& [name, share] : {std::pair("--validation", &to.shares.validation), {"--test", &to.shares.test}}) {
    hdf5->add_option(name, *share, "A share of the first split, drawn by key in each class")
        ->check(CLI::Range(0.0, 1.0));
  }
  hdf5->add_option("--key", to.key, "Key of what is drawn")->capture_default_str();
  hdf5->add_option("--layout", arguments->layout, "Channels first or last; without: recognised where it can be")
      ->check(CLI::IsMember({"first", "last"}));
  CLI::Option* several = hdf5->add_flag("--multi", arguments->several, "Rows of 0 and 1 are labels, never one-hot");
  CLI::Option* one_hot = hdf5->add_flag("--one-hot", arguments->one_hot,
                                        "Rows of 0 and 1 are one-hot; those without exactly one 1 are bad");
  CLI::Option* numbers = hdf5->add_flag("--numbers", arguments->numbers, "Labels are numbers");
  several->excludes(one_hot)->excludes(numbers);
  one_hot->excludes(numbers);
  hdf5->add_option("--class-names", to.class_names,
                   "Names of classes, labels or numbers: PATH or FILE:PATH of strings, or names between commas");
  hdf5->add_option("--ignored", arguments->ignored, "The number in masks of pixels that count nowhere, as 255");
  hdf5->add_flag("--skip-bad", to.options.skip_bad, "Leave out rows that are bad, in place of stopping");
  describe_common(*hdf5, *arguments);
  hdf5->add_option("FILES", arguments->files, "IN... OUT: HDF5 files, and the HDF5 file to make")
      ->expected(2, 1000)
      ->required();
  hdf5->callback([arguments, &run] { run = [arguments] { return run_hdf5(*arguments); }; });
}

}  // namespace lockstep
