#include "trainer/nn/graph/graph.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace lockstep {
namespace {

using Layers = google::protobuf::RepeatedPtrField<proto::Layer>;

// How many inputs a kind of layer takes.
struct Arity {
  int least = 1;
  int most = 1;
};

Arity arity(proto::Layer::KindCase kind) {
  constexpr int kAny = std::numeric_limits<int>::max();
  switch (kind) {
    case proto::Layer::kAdd:
    case proto::Layer::kConcatenate:
      return {2, kAny};
    case proto::Layer::kMultiply:
      return {2, 2};
    default:
      return {};
  }
}

class Lowering {
 public:
  explicit Lowering(Builder& builder) : builder_(builder) {}

  Graph lower(proto::Model& model) {
    outputs_ = {add_list(*model.mutable_layer(), "model.layer", "", kImage, nullptr)};
    for (std::size_t i = 0; i < builder_.options().auxiliary.size(); ++i) add_auxiliary(i);
    if (!builder_.faulty()) check_readers();
    return {.nodes = std::move(nodes_), .evaluated = nodes_.size(), .outputs = std::move(outputs_)};
  }

 private:
  // The layers of a list that may be named, and those of the lists around it.
  struct Scope {
    const Layers& layers;
    const Scope* outer = nullptr;
    int at = 0;  // the layer that is looked at, or the block around it
    std::map<std::string, int, std::less<>> nodes = {};
  };

  // Returns the node whose values are those of the list: `input` for an empty one.
  int add_list(Layers& layers, const std::string& path, const std::string& prefix, int input, const Scope* outer) {
    Scope scope{.layers = layers, .outer = outer};
    int last = input;
    for (int i = 0; i < layers.size(); ++i) {
      proto::Layer& layer = layers[i];
      scope.at = i;
      Node node{.layer = &layer, .path = fmt::format("{}[{}]", path, i), .name = prefix + layer.name()};
      builder_.begin_layer(node.path, node.name);
      node.inputs = inputs_of(layer, scope, last);
      if (layer.has_residual()) {
        proto::Residual& block = *layer.mutable_residual();
        const int from = node.inputs[0];
        node.inputs = {
            add_list(*block.mutable_body(), node.path + ".residual.body", node.name + "/", from, &scope),
            add_list(*block.mutable_shortcut(), node.path + ".residual.shortcut", node.name + "/", from, &scope)};
      }
      last = static_cast<int>(nodes_.size());
      nodes_.push_back(std::move(node));
      scope.nodes.emplace(layer.name(), last);
    }
    return last;
  }

  std::vector<int> inputs_of(const proto::Layer& layer, const Scope& scope, int before) {
    std::vector<int> inputs;
    for (int i = 0; i < layer.input_size(); ++i) {
      const std::string& name = layer.input(i);
      const int* const node = find(scope, name);
      if (node == nullptr) {
        builder_.fault(fmt::format(".input[{}]", i), unknown(scope, name));
      }
      inputs.push_back(node == nullptr ? before : *node);
    }
    if (inputs.empty()) inputs.push_back(before);
    const auto [least, most] = arity(layer.kind_case());
    const int count = static_cast<int>(inputs.size());
    if (count < least || count > most) {
      const std::string expected = least == most ? fmt::format("{}", least) : fmt::format("at least {}", least);
      builder_.fault(".input", fmt::format("expected {} input{}, got {}", expected, least == 1 ? "" : "s", count));
      inputs.resize(static_cast<std::size_t>(std::clamp(count, least, most)), inputs[0]);
    }
    return inputs;
  }

  void add_auxiliary(std::size_t i) {
    const std::string& wanted = builder_.options().auxiliary[i].layer;
    const auto found = std::ranges::find(nodes_, wanted, &Node::name);
    const int node = found == nodes_.end() ? kImage : static_cast<int>(found - nodes_.begin());
    builder_.begin_layer(auxiliary_path(i), "");
    if (node == kImage) {
      std::vector<std::string> names;
      for (const Node& each : nodes_) names.push_back(each.name);
      const std::string near = nearest(wanted, names);
      builder_.fault(".layer", fmt::format("expected the name of a layer, got \"{}\"{}", wanted,
                                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
    } else if (std::ranges::find(outputs_, node) != outputs_.end()) {
      builder_.fault(".layer", fmt::format("the loss of {} counts already", wanted));
    } else {
      outputs_.push_back(node);
    }
  }

  static const int* find(const Scope& scope, std::string_view name) {
    static constexpr int kTheImage = kImage;
    for (const Scope* in = &scope; in != nullptr; in = in->outer) {
      const auto found = in->nodes.find(name);
      if (found != in->nodes.end()) return &found->second;
    }
    return name == "image" ? &kTheImage : nullptr;
  }

  static std::string unknown(const Scope& scope, const std::string& name) {
    std::vector<std::string> names = {"image"};
    for (const Scope* in = &scope; in != nullptr; in = in->outer) {
      const auto from = in->layers.begin() + in->at;
      const auto found =
          std::find_if(from, in->layers.end(), [&](const proto::Layer& layer) { return layer.name() == name; });
      if (found != in->layers.end()) {
        return fmt::format("a layer reads earlier ones, and \"{}\" {}", name,
                           found > from   ? "stands later: put it before this one"
                           : in == &scope ? "is this layer itself"
                                          : "is the block around it");
      }
      for (const auto& [known, node] : in->nodes) names.push_back(known);
    }
    const std::string near = nearest(name, names);
    return fmt::format("expected the name of an earlier layer or \"image\", got \"{}\"{}", name,
                       near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  }

  void check_readers() {
    const std::vector<int> readers = count_readers({.nodes = nodes_, .outputs = outputs_});
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (readers[i + 1] > 0) continue;
      builder_.begin_layer(nodes_[i].path, nodes_[i].name);
      builder_.fault("", fmt::format("nobody reads what {} gives: name it in the input of a later layer or in "
                                     "loss.auxiliary, or take it out",
                                     nodes_[i].name));
    }
  }

  Builder& builder_;
  std::vector<Node> nodes_;
  std::vector<int> outputs_;
};

// Puts the nodes that only auxiliary losses need behind the others: evaluation ends before them, and makes all copies
// in other layouts that it needs itself.
void evaluated_first(Graph& graph) {
  std::vector<bool> is_needed(graph.nodes.size() + 1);  // of the image, then of each node
  is_needed[static_cast<std::size_t>(graph.outputs[0] + 1)] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    if (!is_needed[i + 1]) continue;
    for (const int input : graph.nodes[i].inputs) is_needed[static_cast<std::size_t>(input + 1)] = true;
  }
  std::vector<int> place(graph.nodes.size() + 1, kImage);
  std::vector<Node> nodes;
  for (const bool needed : {true, false}) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (is_needed[i + 1] != needed) continue;
      place[i + 1] = static_cast<int>(nodes.size());
      nodes.push_back(std::move(graph.nodes[i]));
    }
    if (needed) graph.evaluated = nodes.size();
  }
  graph.nodes = std::move(nodes);
  for (Node& node : graph.nodes) {
    for (int& input : node.inputs) input = place[static_cast<std::size_t>(input + 1)];
  }
  for (int& output : graph.outputs) output = place[static_cast<std::size_t>(output + 1)];
}

// A maximum of rectified values is the rectified maximum, and its gradient goes the same way: the same bits, and the
// ReLU has as many values fewer as the window is large.
void postpone_relus(const Builder& builder, const std::vector<int>& readers, std::vector<Node>& nodes) {
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
    Node& relu = nodes[i];
    const Node& pooling = nodes[i + 1];
    if (!relu.layer->has_relu() || !pooling.layer->has_max_pooling()) continue;
    if (pooling.inputs[0] != static_cast<int>(i) || readers[i + 1] != 1) continue;
    if (builder.is_kept(relu.name) || builder.is_kept(pooling.name)) continue;
    relu.is_postponed = true;
  }
}

}  // namespace

std::string auxiliary_path(std::size_t index) {
  return fmt::format("loss.auxiliary[{}]", index);
}

std::vector<int> count_readers(const Graph& graph) {
  std::vector<int> readers(graph.nodes.size() + 1);
  for (const Node& node : graph.nodes) {
    for (const int input : node.inputs) ++readers[static_cast<std::size_t>(input + 1)];
  }
  for (const int output : graph.outputs) ++readers[static_cast<std::size_t>(output + 1)];
  return readers;
}

Graph lower(proto::Model& model, Builder& builder) {
  Graph graph = Lowering(builder).lower(model);
  evaluated_first(graph);
  postpone_relus(builder, count_readers(graph), graph.nodes);
  return graph;
}

}  // namespace lockstep
