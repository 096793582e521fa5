// lockstep data import folder
#include <tuple>

#include <fmt/format.h>

#include "launch/command/data_import.h"
#include "storage/import/import_folder.h"

namespace lockstep {
namespace {

struct FolderArguments : ImportArguments {
  std::vector<std::string> places;  // DIR OUT, or OUT
  std::string train, validation, test;
  PictureArguments pictures;
  int depth = 0;
  std::uint64_t key = 0;
  bool skip_bad = false;
};

StatusOr<FolderImport> folder_import(const FolderArguments& arguments) {
  FolderImport import;
  ASSIGN_OR_RETURN(import.pictures, picture_options(arguments.pictures));
  std::vector<std::string> faults;
  const bool drawn = arguments.places.size() == 2;
  if (drawn != arguments.train.empty()) {
    faults.push_back(drawn ? "--train names the folder of the training pictures, and so does DIR: give one of both"
                           : "expected DIR OUT, or --train DIR OUT");
  }
  if (drawn) {
    import.all = arguments.places[0];
    for (const auto& [name, text, share] :
         {std::tuple("--validation", &arguments.validation, &import.shares.validation),
          {"--test", &arguments.test, &import.shares.test}}) {
      if (!text->empty() && !(read_number(*text, *share) && *share > 0 && *share < 1)) {
        faults.push_back(
            fmt::format("{} {}: expected a share of DIR's pictures, above 0 and below 1, as 0.1; a folder "
                        "goes with --train",
                        name, *text));
      }
    }
    if (import.shares.validation + import.shares.test >= 1) {
      faults.push_back("--validation and --test: expected less than 1 together");
    }
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  if (!drawn) {
    import.train = arguments.train;
    import.validation = arguments.validation;
    import.test = arguments.test;
  }
  import.key = arguments.key;
  import.depth = arguments.depth;
  import.options = {arguments.compress_level, arguments.skip_bad, progress_of_terminal()};
  return import;
}

Status run_folder(FolderArguments arguments) {
  arguments.out = arguments.places.back();
  ASSIGN_OR_RETURN(const FolderImport import, folder_import(arguments));
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
  folder->add_option("--train", arguments->train, "Folder of the training pictures, in place of DIR");
  folder->add_option("--validation", arguments->validation, "A share of DIR, drawn by key in each class; or a folder");
  folder->add_option("--test", arguments->test, "A share of DIR, drawn by key in each class; or a folder");
  folder->add_option("--key", arguments->key, "Key of what is drawn: splits, and the order of rows")
      ->capture_default_str();
  folder->add_option("--depth", arguments->depth, "So many directories name the class; 0: all")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  describe_pictures(*folder, arguments->pictures);
  folder->add_flag("--skip-bad", arguments->skip_bad, "Leave out pictures that cannot be read, in place of stopping");
  describe_common(*folder, *arguments);
  folder->add_option("PLACES", arguments->places, "[DIR] OUT: the folder, and the HDF5 file to make")
      ->expected(1, 2)
      ->required();
  folder->callback([arguments, &run] { run = [arguments] { return run_folder(*arguments); }; });
}

}  // namespace lockstep
