// lockstep checkpoint: list, show, verify and compare checkpoints.
// Exit codes: 0; of diff, 1 when they differ; 2 usage; 3 a checkpoint that is missing or bad.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "launch/command/checkpoint_print.h"
#include "launch/command/failure.h"
#include "launch/command/program.h"
#include "launch/command/usage.h"
#include "storage/base/file.h"
#include "storage/base/printable.h"
#include "storage/checkpoint/diff.h"
#include "storage/checkpoint/directory.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

StatusOr<FoundCheckpoint> open_naming_skipped(const fs::path& path) {
  return open_checkpoint(path, [](const fs::path& file, const Status& why) {
    print_error(fmt::format("skipped {}: {}", printable(file.native()), std::string(why.message())));
  });
}

// The checkpoints of a directory, or the one file. Errors: bad_data when there is none.
StatusOr<std::vector<fs::path>> files_of(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error) && error) return io_error(fmt::format("\"{}\": {}", path.native(), error.message()));
  if (!fs::exists(path, error)) return bad_data(fmt::format("no such file or directory: \"{}\"", path.native()));
  if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
  ASSIGN_OR_RETURN(const std::vector<CheckpointFile> files, list_checkpoints(checkpoints_of(path)));
  if (files.empty()) return bad_data(fmt::format("no checkpoint in \"{}\"", checkpoints_of(path).native()));
  std::vector<fs::path> paths;
  paths.reserve(files.size());
  for (const CheckpointFile& file : files) paths.push_back(file.path);
  return paths;
}

Status list(const fs::path& directory, bool as_json) {
  ASSIGN_OR_RETURN(const std::vector<fs::path> paths, files_of(directory));
  std::vector<std::vector<std::string>> rows = {{"file", "step", "epoch", "evaluation", "bytes", "digest"}};
  Json array = Json::array();
  for (const fs::path& path : paths) {
    const StatusOr<FoundCheckpoint> found = read_found_checkpoint(path);
    if (absl::IsUnavailable(found.status())) return found.status();
    if (!found.ok()) {
      const std::string why(found.status().message());
      rows.push_back({path.native(), "bad"});
      array.push_back({{"path", path.native()}, {"ok", false}, {"error", why}});
      print_error(fmt::format("{}: {}", printable(path.native()), why));
      continue;
    }
    const Checkpoint& checkpoint = found->checkpoint;
    ASSIGN_OR_RETURN(const std::string digest, checkpoint_digest(found->bytes));
    rows.push_back({path.native(), fmt::to_string(checkpoint.step), fmt::to_string(checkpoint.epoch),
                    chief_metric_text(checkpoint), fmt::to_string(found->bytes.size()), digest.substr(0, 12)});
    array.push_back({{"path", path.native()},
                     {"ok", true},
                     {"step", checkpoint.step},
                     {"epoch", checkpoint.epoch},
                     {"accuracy", checkpoint.accuracy ? Json(*checkpoint.accuracy) : Json()},
                     {"evaluation", evaluation_json(checkpoint.evaluation())},
                     {"bytes", found->bytes.size()},
                     {"digest", digest}});
  }
  as_json ? print_json(array) : print_table(rows);
  return OkStatus();
}

Status show(const fs::path& path, bool as_json, bool only_job) {
  ASSIGN_OR_RETURN(const FoundCheckpoint found, open_naming_skipped(path));
  if (only_job) {
    fmt::print("{}", printable_lines(found.checkpoint.job));
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string digest, checkpoint_digest(found.bytes));
  if (as_json) {
    print_json(checkpoint_json(found, digest));
  } else {
    print_checkpoint(found, digest);
  }
  return OkStatus();
}

Status verify(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::vector<fs::path> paths, files_of(path));
  std::size_t bad = 0;
  for (const fs::path& file : paths) {
    const Status status = read_found_checkpoint(file).status();
    if (absl::IsUnavailable(status)) return status;
    fmt::print("{}: {}\n", printable(file.native()),
               status.ok() ? "ok" : "bad: " + printable_lines(std::string(status.message())));
    bad += status.ok() ? 0 : 1;
  }
  if (bad > 0) return bad_data(fmt::format("{} of {} checkpoints bad", bad, paths.size()));
  return OkStatus();
}

// Whether the two are identical.
StatusOr<bool> diff(const fs::path& a, const fs::path& b, bool as_json) {
  ASSIGN_OR_RETURN(const FoundCheckpoint found_a, open_naming_skipped(a));
  ASSIGN_OR_RETURN(const FoundCheckpoint found_b, open_naming_skipped(b));
  const CheckpointDifference difference = diff_checkpoints(found_a.checkpoint, found_b.checkpoint);
  if (as_json) {
    print_json(difference_json(difference));
  } else {
    print_difference(difference);
  }
  return difference.identical;
}

constexpr const char* kExamples = R"(Examples:
  lockstep checkpoint ls runs/fashion_mnist
  lockstep checkpoint show runs/fashion_mnist/checkpoints/step-000003750.h5
  lockstep checkpoint show runs/fashion_mnist --job
  lockstep checkpoint verify runs/fashion_mnist
  lockstep checkpoint diff runs/one_rank runs/four_ranks

A checkpoint is given as a file, as a directory of checkpoints or as the output directory of a training; of a
directory, the newest good one is taken.
Exit codes: 0 done; 1 diff found a difference; 2 wrong usage; 3 a checkpoint is missing or bad.)";

struct Arguments {
  std::string path;
  std::string other;
  bool json = false;
  bool job = false;
};

int report(const Status& status) {
  return report_failure("lockstep checkpoint", status);
}

int run(const CLI::App& app, const Arguments& arguments) {
  if (app.got_subcommand("ls")) return report(list(arguments.path, arguments.json));
  if (app.got_subcommand("show")) return report(show(arguments.path, arguments.json, arguments.job));
  if (app.got_subcommand("verify")) return report(verify(arguments.path));
  const StatusOr<bool> identical = diff(arguments.path, arguments.other, arguments.json);
  if (!identical.ok()) return report(identical.status());
  return *identical ? 0 : 1;
}

void describe(CLI::App& app, Arguments& arguments) {
  app.require_subcommand(1);
  app.footer(kExamples);
  CLI::App* ls = app.add_subcommand("ls", "List the checkpoints of a directory: step, epoch, evaluation, size, digest");
  ls->add_option("DIR", arguments.path)->required();
  CLI::App* show = app.add_subcommand("show", "Show what is in a checkpoint: facts, and the statistics of each tensor");
  show->add_option("CHECKPOINT", arguments.path)->required();
  show->add_flag("--job", arguments.job, "Print only the job, as text proto");
  CLI::App* verify =
      app.add_subcommand("verify", "Check digest and content of a checkpoint, or of each in a directory");
  verify->add_option("CHECKPOINT", arguments.path)->required();
  CLI::App* diff = app.add_subcommand("diff", "Compare the tensors, step and epoch of two checkpoints bit by bit");
  diff->add_option("A", arguments.path)->required();
  diff->add_option("B", arguments.other)->required();
  for (CLI::App* verb : {ls, show, diff}) verb->add_flag("--json", arguments.json, "Print JSON");
}

int run_verb(int argc, char** argv) {
  CLI::App app("List, show, verify and compare checkpoints.", "lockstep checkpoint");
  Arguments arguments;
  describe(app, arguments);
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  return run(app, arguments);
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep checkpoint", lockstep::Output::kResult, argc, argv, lockstep::run_verb);
}
