// lockstep data import folder
#include "launch/command/data_import.h"
#include "storage/import/import_folder.h"

namespace lockstep {
namespace {

struct FolderArguments : ImportArguments {
  PlaceArguments places;
  PictureArguments pictures;
  int depth = 0;
  bool skip_bad = false;
};

Status run_folder(FolderArguments arguments) {
  FolderImport import;
  ASSIGN_OR_RETURN(import.pictures, picture_options(arguments.pictures));
  ASSIGN_OR_RETURN(const SplitPlaces places, split_places(arguments.places, "DIR", "folder"));
  import.all = places.all;
  import.train = places.train;
  import.validation = places.validation;
  import.test = places.test;
  import.shares = places.shares;
  import.key = arguments.places.key;
  import.depth = arguments.depth;
  import.options = {arguments.compress_level, arguments.skip_bad, progress_of_terminal()};
  arguments.out = arguments.places.places.back();
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_folder(import, path); });
}

constexpr const char* kFolderExamples = R"(Examples:
  lockstep data import folder photos data/photos.h5 --size 224 --validation 0.1 --test 0.1
  lockstep data import folder --train photos/train --test photos/val data/photos.h5 --size 64 --fit pad

photos/cat/3.jpg is of the class cat, photos/birds/owl/7.png of birds/owl, or with --depth 1 of birds.
Pictures: JPEG, PNG, WebP, PNM (PBM, PGM, PPM, PAM), TIFF.)";

}  // namespace

void describe_folder(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<FolderArguments>();
  CLI::App* folder = import.add_subcommand("folder", "From pictures, a directory a class");
  folder->footer(kFolderExamples);
  folder->add_option("--depth", arguments->depth, "So many directories name the class; 0: all")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  describe_pictures(*folder, arguments->pictures);
  folder->add_flag("--skip-bad", arguments->skip_bad, "Leave out pictures that cannot be read, in place of stopping");
  describe_common(*folder, *arguments);
  describe_places(*folder, arguments->places, "DIR", "folder");
  folder->callback([arguments, &run] { run = [arguments] { return run_folder(*arguments); }; });
}

}  // namespace lockstep
