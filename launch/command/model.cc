// lockstep model: built-in networks, and what a network is made of.
// Exit codes: 0; 2 usage or a model that does not fit; 3 a dataset that is missing or bad.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/network.h"
#include "trainer/report/progress.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  lockstep model ls
  lockstep model show lenet
  lockstep model show resnet18_small --image 32x32x3 --classes 10 --batch 16
  lockstep model show launch/jobs/fashion_mnist.job.pbtxt --json

Sizes are of one row; FLOPs are those of convolutions and dense layers by the direct algorithm, a multiply-add is two.)";

struct Arguments {
  std::string target;
  std::vector<std::string> overrides;
  std::string image;
  int classes = 0;
  int batch = 0;
  bool json = false;
};

// What is to be shown: a model and the rows it will see.
struct Subject {
  JobDraft draft;  // of a built-in network: only the model
  NetworkOptions options;
};

Status parse_image(const std::string& text, ImageShape& image) {
  char rest = 0;
  const int fields = std::sscanf(text.c_str(), "%dx%dx%d%c", &image.height, &image.width, &image.channels, &rest);
  constexpr int kLimit = 65536;
  const bool in_range = std::min({image.height, image.width, image.channels}) > 0 &&
                        std::max({image.height, image.width, image.channels}) <= kLimit;
  if (fields == 3 && in_range) return OkStatus();
  return bad_configuration(fmt::format("--image: expected HEIGHTxWIDTHxCHANNELS, as 28x28x1, got \"{}\"", text));
}

Subject zoo_subject(const std::string& name) {
  Subject subject;
  subject.draft.file = name;
  subject.draft.job.mutable_model()->set_zoo(name);
  const bool large = name == "resnet18";
  const bool colour = name == "resnet18_small";
  subject.options = {.image = large    ? ImageShape{3, 224, 224}
                              : colour ? ImageShape{3, 32, 32}
                                       : ImageShape{1, 28, 28},
                     .classes = large ? 1000 : 10,
                     .slice_rows = 16};
  return subject;
}

// Shape and classes from the job's training rows, unless the arguments give both.
StatusOr<Subject> job_subject(const Arguments& arguments) {
  Subject subject;
  ASSIGN_OR_RETURN(subject.draft, read_job(arguments.target, arguments.overrides));
  RETURN_IF_ERROR(subject.draft.faults.status(subject.draft.file));
  const proto::Job& job = subject.draft.job;
  subject.options.slice_rows = job.batch() / job.slices();
  subject.options.threads = job.execution().threads_per_rank();
  if (!arguments.image.empty() && arguments.classes > 0) return subject;
  const fs::path path = job.data().path();
  const StatusOr<std::unique_ptr<Dataset>> data = open_split(job.data(), path, job.data().train());
  if (!data.ok()) {
    return bad_data(fmt::format("{}; without the data, give the shape as --image HEIGHTxWIDTHxCHANNELS --classes K",
                                std::string(data.status().message())));
  }
  subject.options.image = (*data)->info().image;
  subject.options.classes = int((*data)->info().class_names.size());
  return subject;
}

StatusOr<Subject> find_subject(const Arguments& arguments) {
  const std::vector<std::string> names = zoo_models();
  Subject subject;
  std::error_code error;
  if (std::find(names.begin(), names.end(), arguments.target) != names.end()) {
    if (!arguments.overrides.empty()) return bad_configuration("--set goes with a job, not with a built-in network");
    subject = zoo_subject(arguments.target);
  } else if (fs::is_regular_file(arguments.target, error)) {
    ASSIGN_OR_RETURN(subject, job_subject(arguments));
  } else {
    return bad_configuration(fmt::format("\"{}\" is neither a job file nor a built-in network ({})", arguments.target,
                                         fmt::join(names, ", ")));
  }
  if (!arguments.image.empty()) RETURN_IF_ERROR(parse_image(arguments.image, subject.options.image));
  if (arguments.classes > 0) subject.options.classes = arguments.classes;
  if (arguments.batch > 0) subject.options.slice_rows = arguments.batch;
  return subject;
}

struct Totals {
  std::int64_t parameters = 0;
  std::int64_t forward_flops = 0;
  std::int64_t training_flops = 0;
};

Totals totals_of(const Network& network) {
  Totals totals;
  for (const LayerSummary& layer : network.summary()) {
    totals.parameters += layer.parameters;
    totals.forward_flops += layer.forward_flops;
    totals.training_flops += layer.training_flops;
  }
  return totals;
}

std::string flops_text(std::int64_t flops) {
  return flops == 0 ? "" : fmt::format("{:.2f} M", double(flops) / 1e6);
}

void print_layers(const Network& network) {
  std::size_t name = 5, kind = 4, output = 6;
  for (const LayerSummary& layer : network.summary()) {
    name = std::max(name, layer.name.size());
    kind = std::max(kind, layer.kind.size());
    output = std::max(output, layer.output.size());
  }
  const auto line = [&](const auto&... cells) { fmt::print("{:<{}}  {:<{}}  {:<{}}  {:>11}  {:>11}  {}\n", cells...); };
  line("layer", name, "kind", kind, "output", output, "parameters", "FLOPs", "kernels");
  for (const LayerSummary& layer : network.summary()) {
    line(layer.name, name, layer.kind, kind, layer.output, output,
         layer.parameters == 0 ? "" : format_count(layer.parameters), flops_text(layer.forward_flops),
         layer.implementation);
  }
}

void print_text(const std::string& target, const Network& network) {
  const NetworkOptions& options = network.options();
  const Totals totals = totals_of(network);
  fmt::print("{}: images of {} x {} x {} (height, width, channels), {} classes, slices of {} rows\n\n", target,
             options.image.height, options.image.width, options.image.channels, options.classes, options.slice_rows);
  print_layers(network);
  fmt::print("\nparameters  {} ({:.1f} MB)\n", format_count(totals.parameters), double(totals.parameters) * 4 / 1e6);
  fmt::print("FLOPs       {:.2f} M a row forward, {:.2f} M a training row\n", double(totals.forward_flops) / 1e6,
             double(totals.training_flops) / 1e6);
  fmt::print("memory      {:.1f} MB, gradients {:.1f} MB\n", double(network.memory_bytes()) / 1e6,
             double(network.gradient_elements()) * 4 / 1e6);
}

void print_json(const std::string& target, const Network& network) {
  const NetworkOptions& options = network.options();
  const Totals totals = totals_of(network);
  Json layers = Json::array();
  for (const LayerSummary& layer : network.summary()) {
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"output", layer.output},
                      {"parameters", layer.parameters},
                      {"forward_flops", layer.forward_flops},
                      {"training_flops", layer.training_flops},
                      {"kernels", layer.implementation}});
  }
  const Json object = {{"model", target},
                       {"image", {options.image.height, options.image.width, options.image.channels}},
                       {"classes", options.classes},
                       {"slice_rows", options.slice_rows},
                       {"parameters", totals.parameters},
                       {"forward_flops", totals.forward_flops},
                       {"training_flops", totals.training_flops},
                       {"memory_bytes", network.memory_bytes()},
                       {"gradient_bytes", network.gradient_elements() * sizeof(float)},
                       {"layers", layers}};
  fmt::print("{}\n", object.dump());
}

Status show(const Arguments& arguments) {
  ASSIGN_OR_RETURN(Subject subject, find_subject(arguments));
  JobDraft& draft = subject.draft;
  resolve_model(subject.options.classes, *draft.job.mutable_model(), draft.faults);
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  const std::unique_ptr<Network> network = Network::build(draft.job.model(), subject.options, draft.faults);
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  arguments.json ? print_json(arguments.target, *network) : print_text(arguments.target, *network);
  return OkStatus();
}

void list(bool json) {
  if (json) {
    fmt::print("{}\n", Json(zoo_models()).dump());
    return;
  }
  for (const std::string& name : zoo_models()) fmt::print("{}\n", name);
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Built-in networks, and what a network is made of.", "lockstep model");
  app.footer(kExamples);
  app.require_subcommand(1);
  CLI::App* const ls = app.add_subcommand("ls", "Names of the built-in networks");
  ls->add_flag("--json", arguments.json, "One JSON array on one line");
  CLI::App* const shown = app.add_subcommand("show", "Layers, shapes, parameters, FLOPs and kernels of a network");
  shown->add_option("MODEL", arguments.target, "Name of a built-in network, or a job file")->required();
  shown->add_option("--set", arguments.overrides, "PATH=VALUE: change a field of the job");
  shown->add_option("--image", arguments.image, "HEIGHTxWIDTHxCHANNELS (default: of the job's data)");
  shown->add_option("--classes", arguments.classes, "Number of classes (default: of the job's data)")
      ->check(CLI::Range(1, 1000000));
  shown->add_option("--batch", arguments.batch, "Rows of a slice (default: the job's, or 16)")
      ->check(CLI::Range(1, 65536));
  shown->add_flag("--json", arguments.json, "One JSON object on one line");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (ls->parsed()) {
    list(arguments.json);
    return 0;
  }
  const Status status = show(arguments);
  if (!status.ok()) std::fprintf(stderr, "lockstep model: %s\n", std::string(status.message()).c_str());
  return exit_code(status);
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  try {
    return lockstep::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lockstep model: %s\n", error.what());
    return 1;
  }
}
