// lockstep data import cifar
#include "launch/command/data_import.h"
#include "storage/import/import_cifar.h"

namespace lockstep {
namespace {

struct CifarArguments : ImportArguments {
  std::string directory;
  bool coarse = false;
};

Status run_cifar(const CifarArguments& arguments) {
  CifarImport import{arguments.directory, arguments.coarse, {}};
  import.options.compress_level = arguments.compress_level;
  import.options.progress = progress_of_terminal();
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_cifar(import, path); });
}

}  // namespace

void describe_cifar(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<CifarArguments>();
  CLI::App* cifar = import.add_subcommand("cifar", "From CIFAR-10 or CIFAR-100, the binary versions");
  cifar->footer("Example:\n  lockstep data import cifar cifar-10-batches-bin data/cifar10.h5");
  cifar->add_flag("--coarse", arguments->coarse, "Of CIFAR-100 the 20 coarse classes");
  describe_common(*cifar, *arguments);
  cifar->add_option("DIR", arguments->directory, "The directory with data_batch_1.bin or train.bin")->required();
  cifar->add_option("OUT", arguments->out, "The HDF5 file to make; its directory is made too")->required();
  cifar->callback([arguments, &run] { run = [arguments] { return run_cifar(*arguments); }; });
}

}  // namespace lockstep
