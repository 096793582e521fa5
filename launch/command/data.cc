// lockstep data: import a dataset into HDF5, describe one, or draw its rows.
// Exit codes: 0; 2 usage; 3 input that is missing or bad; 74 the disk failed.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "launch/command/data_import.h"
#include "launch/command/data_info.h"
#include "launch/command/failure.h"
#include "launch/command/program.h"
#include "launch/command/sheet_file.h"
#include "launch/command/usage.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExamples = R"(Examples (the files of Debian's package dataset-fashion-mnist):
  lockstep data import folder photos data/photos.h5 --size 224 --validation 0.1 --test 0.1
  D=/usr/share/datasets/fashion-mnist
  lockstep data import idx \
    --train-images $D/train-images-idx3-ubyte.gz --train-labels $D/train-labels-idx1-ubyte.gz \
    --test-images $D/t10k-images-idx3-ubyte.gz --test-labels $D/t10k-labels-idx1-ubyte.gz \
    --class-names "T-shirt,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot" \
    data/fashion_mnist.h5
  lockstep data info data/fashion_mnist.h5 --pictures fashion_mnist.png
  lockstep data sheet launch/jobs/fashion_mnist.job.pbtxt rows.png

Exit codes: 0 done; 2 wrong usage; 3 an input is missing or bad; 74 the disk failed.)";

// `sheet` is a program of its own beside this one, for it is linked with all that a training needs.
int become_sheet(char** argv) {
  std::error_code error;
  const fs::path directory = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::string name = directory / "lockstep-sheet";
  argv[1] = name.data();
  execv(name.c_str(), argv + 1);
  return report_failure("lockstep data",
                        absl::InternalError(fmt::format("cannot start {}: {}", name, std::strerror(errno))));
}

int run(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string_view("sheet")) return become_sheet(argv);
  CLI::App app("Import a dataset into HDF5, describe one, or draw its rows.", "lockstep data");
  app.require_subcommand(1);
  app.footer(kExamples);
  const std::shared_ptr<Verb> import = describe_imports(app);
  InfoArguments arguments;
  arguments.command = command_text("lockstep data", argc, argv);
  CLI::App* info = app.add_subcommand("info", "Show splits, shapes, layout, classes and statistics of a dataset file");
  info->add_option("FILE", arguments.path, "HDF5 file")->required();
  info->add_flag("--json", arguments.json, "Print JSON");
  CLI::Option* pictures =
      info->add_option("--pictures", arguments.pictures, "Draw some rows of each class and the mean image: OUT.png");
  info->add_option("--split", arguments.split, "Of the pictures; without: train, or the first")->needs(pictures);
  info->add_option("--each", arguments.each, "Pictures of a class")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->needs(pictures);
  app.add_subcommand("sheet", "Draw rows as the network of a job gets them, before and after augmentation");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  return report_failure("lockstep data", *import ? (*import)() : show_info(arguments));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep data", lockstep::Output::kResult, argc, argv, lockstep::run);
}
