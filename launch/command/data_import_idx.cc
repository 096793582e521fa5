// lockstep data import idx
#include "launch/command/data_import.h"
#include "storage/import/import_idx.h"

namespace lockstep {
namespace {

struct IdxArguments : ImportArguments {
  std::string train_images, train_labels, test_images, test_labels, class_names;
};

Status run_idx(const IdxArguments& arguments) {
  IdxImport import;
  ASSIGN_OR_RETURN(import.class_names, split_names(arguments.class_names, "--class-names"));
  import.splits.push_back({"train", arguments.train_images, arguments.train_labels});
  if (!arguments.test_images.empty()) {
    import.splits.push_back({"test", arguments.test_images, arguments.test_labels});
  }
  import.compress_level = arguments.compress_level;
  import.progress = progress_of_terminal();
  return run_import(arguments, [&](const std::filesystem::path& path) -> StatusOr<ImportSummary> {
    RETURN_IF_ERROR(import_idx(import, path));
    return ImportSummary();
  });
}

}  // namespace

void describe_idx(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<IdxArguments>();
  CLI::App* idx = import.add_subcommand("idx", "From IDX files, plain or gzipped, as MNIST and Fashion-MNIST come");
  idx->add_option("--train-images", arguments->train_images, "IDX file of the training images")->required();
  idx->add_option("--train-labels", arguments->train_labels, "IDX file of the training labels")->required();
  CLI::Option* images = idx->add_option("--test-images", arguments->test_images, "IDX file of the test images");
  CLI::Option* labels = idx->add_option("--test-labels", arguments->test_labels, "IDX file of the test labels");
  images->needs(labels);
  labels->needs(images);
  idx->add_option("--class-names", arguments->class_names, "Names of the classes 0, 1, ..., separated by commas");
  describe_common(*idx, *arguments);
  idx->add_option("OUT", arguments->out, "The HDF5 file to make; its directory is made too")->required();
  idx->callback([arguments, &run] { run = [arguments] { return run_idx(*arguments); }; });
}

}  // namespace lockstep
