// The front command: `lockstep VERB arguments...` becomes the program lockstep-VERB, which stands beside this one or in
// ../libexec/lockstep. A verb is added by adding its program, and a line to the table below.
// Exit codes: 2 when the usage is wrong, otherwise those of the verb's program.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "launch/command/failure.h"
#include "launch/command/program.h"
#include "storage/base/printable.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

struct Verb {
  std::string_view name;
  std::string_view summary;
};

constexpr Verb kVerbs[] = {
    {"data", "import a dataset into HDF5, describe one, or draw its rows"},
    {"train", "train a network; with mpirun, on several processes"},
    {"bench", "how fast the training step is, and where its time goes"},
    {"eval", "test a trained network: loss, accuracy, classes"},
    {"checkpoint", "list, show, verify and compare checkpoints"},
    {"serve", "the coordinator: schedules the trials of sweeps"},
    {"sweep", "submit a sweep, watch it, get its best network"},
    {"model", "list built-in networks; show layers, shapes and cost"},
};

constexpr std::string_view kExamples = R"(
Examples:
  lockstep data info data/fashion_mnist.h5
  mpirun -n 2 lockstep train launch/jobs/fashion_mnist.job.pbtxt --out runs/fashion_mnist
  lockstep eval --checkpoint runs/fashion_mnist
  lockstep checkpoint verify runs/fashion_mnist

`lockstep VERB --help` describes a verb.
)";

std::optional<fs::path> program_of(std::string_view verb) {
  std::error_code error;
  const fs::path directory = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {directory, directory.parent_path() / "libexec" / "lockstep"}) {
    fs::path program = place / fmt::format("lockstep-{}", verb);
    if (fs::is_regular_file(program, error) && access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

std::string help() {
  std::string text = "Usage: lockstep VERB [arguments]\n       lockstep --help | --version\n\nVerbs:\n";
  for (const Verb& verb : kVerbs) {
    if (program_of(verb.name)) text += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  }
  return text.append(kExamples);
}

int usage_error(std::string_view message) {
  return report_failure("lockstep",
                        bad_configuration(fmt::format("{}\n`lockstep --help` lists the verbs.", printable(message))));
}

int unknown_verb(std::string_view verb) {
  std::vector<std::string> present;
  for (const Verb& known : kVerbs) {
    if (program_of(known.name))
      present.emplace_back(known.name);
    else if (known.name == verb)
      return usage_error(fmt::format("lockstep-{} is not built or not installed", verb));
  }
  const std::string near = nearest(verb, present);
  return usage_error(fmt::format("no verb `{}`{}", verb, near.empty() ? "" : fmt::format("; is `{}` meant?", near)));
}

int run(int argc, char** argv) {
  if (argc < 2) {
    print_error(help());
    return 2;
  }
  const std::string_view verb = argv[1];
  if (verb == "--help" || verb == "-h") {
    fmt::print("{}", help());
    return 0;
  }
  if (verb == "--version") {
    fmt::print("lockstep {}\n", LOCKSTEP_VERSION);
    return 0;
  }
  if (verb.starts_with('-')) return usage_error(fmt::format("no option `{}`", verb));
  const auto program = verb.find('/') == std::string_view::npos ? program_of(verb) : std::nullopt;
  if (!program) return unknown_verb(verb);

  std::string name = program->string();
  argv[1] = name.data();
  execv(name.c_str(), argv + 1);
  return report_failure("lockstep",
                        absl::InternalError(fmt::format("cannot start {}: {}", name, std::strerror(errno))));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep", lockstep::Output::kResult, argc, argv, lockstep::run);
}
