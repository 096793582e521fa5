// lockstep data import npy, npz
#include <fmt/format.h>

#include "launch/command/data_import.h"
#include "storage/import/import_npy.h"

namespace lockstep {
namespace {

struct NpyArguments : ImportArguments {
  NpyImport import;
  std::string class_names;
  NpySplit train{"train", "", ""}, validation{"validation", "", ""}, test{"test", "", ""};
};

Status run_npy(NpyArguments& arguments, bool is_archive) {
  NpyImport& import = arguments.import;
  ASSIGN_OR_RETURN(import.class_names, split_names(arguments.class_names, "--class-names"));
  import.splits = {arguments.train};
  for (const NpySplit& split : {arguments.validation, arguments.test}) {
    if (!split.images.empty()) import.splits.push_back(split);
  }
  import.skip_missing = is_archive;
  import.options.compress_level = arguments.compress_level;
  import.options.progress = progress_of_terminal();
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_npy(import, path); });
}

void describe_arrays(CLI::App& verb, NpyArguments& arguments, std::string_view what) {
  for (NpySplit* split : {&arguments.train, &arguments.validation, &arguments.test}) {
    const bool is_needed = split == &arguments.train && split->images.empty();
    CLI::Option* images = verb.add_option("--" + split->name + "-images", split->images,
                                          fmt::format("{} of the {} images", what, split->name));
    CLI::Option* labels = verb.add_option("--" + split->name + "-labels", split->labels,
                                          fmt::format("{} of the {} labels", what, split->name));
    for (CLI::Option* option : {images, labels}) {
      if (is_needed) option->required();
      if (!split->images.empty()) option->capture_default_str();
    }
    images->needs(labels);
    labels->needs(images);
  }
  verb.add_option("--class-names", arguments.class_names, "Names of classes, labels or numbers, separated by commas");
  verb.add_flag("--channels-first", arguments.import.channels_first, "Images are (rows, channels, height, width)");
  describe_common(verb, arguments);
}

}  // namespace

void describe_npy(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<NpyArguments>();
  CLI::App* npy = import.add_subcommand("npy", "From NumPy's .npy files");
  npy->footer(
      "Example:\n  lockstep data import npy --train-images x.npy --train-labels y.npy --test-images x_test.npy \\\n"
      "    --test-labels y_test.npy data/mine.h5\n\n"
      "Images: (rows, height, width) or (rows, height, width, channels). Labels: whole numbers are classes, in "
      "several\n"
      "columns of 0 and 1 labels; floats are numbers.");
  describe_arrays(*npy, *arguments, "File");
  npy->add_option("OUT", arguments->out, "The HDF5 file to make; its directory is made too")->required();
  npy->callback([arguments, &run] { run = [arguments] { return run_npy(*arguments, false); }; });
}

void describe_npz(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<NpyArguments>();
  arguments->train = {"train", "train_images", "train_labels"};
  arguments->validation = {"validation", "val_images", "val_labels"};
  arguments->test = {"test", "test_images", "test_labels"};
  CLI::App* npz = import.add_subcommand("npz", "From one .npz file of NumPy, as MedMNIST's are");
  npz->footer(
      "Examples:\n  lockstep data import npz bloodmnist.npz data/bloodmnist.h5\n"
      "  lockstep data import npz mine.npz data/mine.h5 --train-images x --train-labels y");
  describe_arrays(*npz, *arguments, "Array");
  npz->add_option("FILE", arguments->import.archive, "The .npz file")->required();
  npz->add_option("OUT", arguments->out, "The HDF5 file to make; its directory is made too")->required();
  npz->callback([arguments, &run] { run = [arguments] { return run_npy(*arguments, true); }; });
}

}  // namespace lockstep
