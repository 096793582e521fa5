// lockstep model: built-in networks, and what a network is made of.
// Exit codes: 0; 2 usage or a model that does not fit; 3 a dataset that is missing or bad.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/command/failure.h"
#include "launch/command/json_dump.h"
#include "launch/command/program.h"
#include "launch/command/subject.h"
#include "launch/command/usage.h"
#include "storage/base/printable.h"
#include "storage/base/status.h"
#include "trainer/loop/setup.h"
#include "trainer/nn/network/network.h"
#include "trainer/optim/parameter_group.h"
#include "trainer/report/progress.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  lockstep model ls
  lockstep model show lenet
  lockstep model show resnet18_small --image 32x32x3 --classes 10 --batch 16
  lockstep model show launch/models/lenet.model.pbtxt --image 28x28x1 --classes 10
  lockstep model show launch/jobs/fashion_mnist.job.pbtxt --json
  lockstep model show resnet18 --dot | dot -Tsvg > resnet18.svg                (Graphviz)

Sizes are of one row; FLOPs are those of convolutions and dense layers by the direct algorithm, a multiply-add is two.)";

struct Arguments {
  SubjectArguments subject;
  int batch = 0;
  bool json = false;
  bool dot = false;
};

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
  constexpr std::int64_t kFew = 10000;  // with two digits behind the point nothing would be seen of them
  return flops == 0 ? "" : fmt::format("{:.{}f} M", double(flops) / 1e6, flops < kFew ? 4 : 2);
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

// What the layers read, where it is not the layer before.
void print_inputs(const Network& network) {
  const std::string* before = nullptr;
  bool is_chain = true;
  for (const LayerSummary& layer : network.summary()) {
    const bool follows = layer.inputs.size() == 1 && layer.inputs[0] == (before == nullptr ? "image" : *before);
    before = &layer.name;
    if (follows) continue;
    fmt::print("{}{} reads {}\n", is_chain ? "\n" : "", layer.name, fmt::join(layer.inputs, ", "));
    is_chain = false;
  }
  for (const AuxiliaryLoss& loss : network.options().auxiliary) {
    fmt::print("the loss reads {}, times {}\n", loss.layer, loss.weight);
  }
}

// In Graphviz's language. Names of layers need no escapes.
void print_dot(const Network& network) {
  const ImageShape& image = network.options().image;
  fmt::print("digraph model {{\n  node [shape=box];\n");
  fmt::print("  \"image\" [label=\"image\\n{} x {} x {}\"];\n", image.channels, image.height, image.width);
  for (const LayerSummary& layer : network.summary()) {
    fmt::print("  \"{}\" [label=\"{}\\n{}\\n{}\"];\n", layer.name, layer.name, layer.kind, layer.output);
    for (const std::string& input : layer.inputs) fmt::print("  \"{}\" -> \"{}\";\n", input, layer.name);
  }
  fmt::print("}}\n");
}

// Trained, then frozen.
std::vector<TensorInfo> parameters_of(const Network& network) {
  std::vector<TensorInfo> tensors(network.parameters().begin(), network.parameters().end());
  std::copy_if(network.frozen().begin(), network.frozen().end(), std::back_inserter(tensors),
               [](const TensorInfo& tensor) { return !tensor.is_statistic; });
  return tensors;
}

// What each tensor gets, where the job has groups of parameters.
void print_treatments(const proto::Job& job, const Network& network) {
  if (job.parameters().empty()) return;
  const std::vector<TensorInfo> tensors = parameters_of(network);
  std::size_t width = 0;
  bool has_l1 = false;
  for (const TensorInfo& tensor : tensors) {
    width = std::max(width, tensor.name.size());
    has_l1 = has_l1 || treatment_of(tensor, job.optimizer(), job.parameters()).l1_decay > 0;
  }
  fmt::print("\n{:<{}}  {:>10}  {:>12}{}\n", "tensor", width, "rate scale", "weight decay", has_l1 ? "  l1 decay" : "");
  for (const TensorInfo& tensor : tensors) {
    const Treatment treatment = treatment_of(tensor, job.optimizer(), job.parameters());
    if (treatment.is_frozen) {
      fmt::print("{:<{}}  {:>10}\n", tensor.name, width, "frozen");
    } else {
      fmt::print("{:<{}}  {:>10}  {:>12}{}\n", tensor.name, width, treatment.rate_scale, treatment.weight_decay,
                 has_l1 ? fmt::format("  {:>8}", treatment.l1_decay) : "");
    }
  }
}

void print_text(const std::string& target, const proto::Job& job, const Network& network) {
  const NetworkOptions& options = network.options();
  const Totals totals = totals_of(network);
  fmt::print(
      "{}: images of {} x {} x {} (height, width, channels), {} classes, slices of {} rows; outputs are channels x "
      "height x width\n\n",
      printable(target), options.image.height, options.image.width, options.image.channels, options.classes,
      options.slice_rows);
  print_layers(network);
  print_inputs(network);
  print_treatments(job, network);
  fmt::print("\nparameters  {} ({:.1f} MB)\n", format_count(totals.parameters), double(totals.parameters) * 4 / 1e6);
  fmt::print("FLOPs       {:.2f} M a row forward, {:.2f} M a training row\n", double(totals.forward_flops) / 1e6,
             double(totals.training_flops) / 1e6);
  fmt::print("memory      {:.1f} MB, gradients {:.1f} MB\n", double(network.memory_bytes()) / 1e6,
             double(network.gradient_elements()) * 4 / 1e6);
}

void print_json(const std::string& target, const proto::Job& job, const Network& network) {
  const NetworkOptions& options = network.options();
  const Totals totals = totals_of(network);
  Json layers = Json::array();
  for (const LayerSummary& layer : network.summary()) {
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"inputs", layer.inputs},
                      {"output", layer.output},
                      {"parameters", layer.parameters},
                      {"forward_flops", layer.forward_flops},
                      {"training_flops", layer.training_flops},
                      {"kernels", layer.implementation}});
  }
  Json auxiliary = Json::array();
  for (const AuxiliaryLoss& loss : options.auxiliary) {
    auxiliary.push_back({{"layer", loss.layer}, {"weight", loss.weight}});
  }
  Json tensors = Json::array();
  for (const TensorInfo& tensor : parameters_of(network)) {
    const Treatment treatment = treatment_of(tensor, job.optimizer(), job.parameters());
    tensors.push_back({{"name", tensor.name},
                       {"shape", tensor.shape},
                       {"frozen", treatment.is_frozen},
                       {"rate_scale", treatment.rate_scale},
                       {"weight_decay", treatment.weight_decay},
                       {"l1_decay", treatment.l1_decay}});
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
                       {"layers", layers},
                       {"auxiliary_losses", auxiliary},
                       {"tensors", tensors}};
  fmt::print("{}\n", json_dump(object));
}

Status show(const Arguments& arguments) {
  constexpr int kRows = 16;
  ASSIGN_OR_RETURN(Subject subject, find_subject(arguments.subject));
  JobDraft& draft = subject.draft;
  if (subject.kind == Subject::Kind::kZoo && !arguments.subject.overrides.empty()) {
    return bad_configuration("--set goes with a job or a model file, not with a built-in network");
  }
  const proto::Job& job = draft.job;
  NetworkOptions options = network_options(job, subject.image, subject.classes);
  if (subject.kind != Subject::Kind::kJob) options.slice_rows = kRows;
  options.runs = false;
  if (arguments.batch > 0) options.slice_rows = arguments.batch;
  std::unique_ptr<Network> network;
  if (resolve_model(options.classes, *draft.job.mutable_model(), draft.faults)) {
    network = Network::build(*draft.job.mutable_model(), options, draft.faults);
  }
  if (network) check_groups(network->parameters(), network->frozen(), job.parameters(), draft.faults);
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  const std::string& target = arguments.subject.target;
  if (arguments.dot) {
    print_dot(*network);
  } else {
    arguments.json ? print_json(target, job, *network) : print_text(target, job, *network);
  }
  return OkStatus();
}

void list(bool json) {
  if (json) {
    fmt::print("{}\n", json_dump(zoo_names()));
    return;
  }
  for (const std::string& name : zoo_names()) fmt::print("{}\n", name);
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Built-in networks, and what a network is made of.", "lockstep model");
  app.footer(kExamples);
  app.require_subcommand(1);
  CLI::App* const ls = app.add_subcommand("ls", "Names of the built-in networks");
  ls->add_flag("--json", arguments.json, "One JSON array on one line");
  CLI::App* const shown = app.add_subcommand("show", "Layers, shapes, parameters, FLOPs and kernels of a network");
  shown
      ->add_option("MODEL", arguments.subject.target,
                   "Name of a built-in network, a model file (*.model.pbtxt), or a job file")
      ->required();
  shown->add_option("--set", arguments.subject.overrides,
                    "PATH=VALUE: change a field of the job, or of a model file: model.layer[0].dense.units=8");
  shown->add_option("--image", arguments.subject.image,
                    "HEIGHTxWIDTHxCHANNELS (default: of the job's data, or what a built-in network usually reads)");
  shown->add_option("--classes", arguments.subject.classes, "Number of classes (default: likewise)")
      ->check(CLI::Range(1, 1000000));
  shown->add_option("--batch", arguments.batch, "Rows of a slice (default: the job's, or 16)")
      ->check(CLI::Range(1, 65536));
  CLI::Option* const json = shown->add_flag("--json", arguments.json, "One JSON object on one line");
  shown->add_flag("--dot", arguments.dot, "The graph in the language of Graphviz")->excludes(json);
  if (const auto code = lockstep::parse_arguments(app, argc, argv)) return *code;
  if (ls->parsed()) {
    list(arguments.json);
    return 0;
  }
  return report_failure("lockstep model", show(arguments));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep model", lockstep::Output::kResult, argc, argv, lockstep::run);
}
