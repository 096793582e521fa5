#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "proto/model.pb.h"
#include "storage/base/printable.h"
#include "trainer/nn/network/network.h"
#include "trainer/nn/network/zoo.h"

namespace lockstep {
namespace {

using Layers = google::protobuf::RepeatedPtrField<proto::Layer>;

// Names of the layers that share a prefix: a chain, or both branches of a residual block.
struct Names {
  std::map<std::string, int> count_by_kind;
  std::set<std::string> taken;
  // Of layers that an input could name but whose names are by default: they count, and would mean other layers after a
  // change of those before.
  std::set<std::string> defaults;
};

// The name of the chosen alternative of Layer.kind, as "max_pooling"; empty when none is chosen.
std::string kind_name(const proto::Layer& layer) {
  const auto* field =
      layer.GetReflection()->GetOneofFieldDescriptor(layer, layer.GetDescriptor()->FindOneofByName("kind"));
  return field == nullptr ? "" : field->name();
}

bool is_valid(const std::string& name) {
  if (name == "image") return false;  // the network's input
  const bool only_dots = name.find_first_not_of('.') == std::string::npos;
  return !only_dots && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
                           std::string::npos;
}

// And units where there are none given: `classes`.
void name_layers(Layers& layers, int classes, const std::string& path, Names& names, Faults& faults) {
  for (int i = 0; i < layers.size(); ++i) {
    proto::Layer& layer = layers[i];
    const std::string at = fmt::format("{}[{}]", path, i);
    const std::string kind = kind_name(layer);
    for (int k = 0; k < layer.input_size(); ++k) {
      if (!names.defaults.contains(layer.input(k))) continue;
      faults.add(
          fmt::format("{}.input[{}]", at, k),
          fmt::format("\"{}\" is a name by default, which changes with the layers before: give that layer a name",
                      layer.input(k)));
    }
    const int number = ++names.count_by_kind[kind];
    const bool by_default = !layer.has_name();
    if (by_default) layer.set_name(fmt::format("{}_{}", kind.empty() ? "layer" : kind, number));
    if (!is_valid(layer.name())) {
      faults.add(at + ".name", fmt::format("expected letters, digits, '_', '-' and '.', and not \"image\", got \"{}\"",
                                           printable(layer.name())));
    } else if (!names.taken.insert(layer.name()).second) {
      faults.add(at + ".name",
                 by_default ? fmt::format("\"{}\", its name by default, is that of a layer before it: give one of them "
                                          "another name",
                                          layer.name())
                            : fmt::format("expected a name that no other layer has, got \"{}\" again", layer.name()));
    }
    if (layer.has_dense() && !layer.dense().has_units()) layer.mutable_dense()->set_units(classes);
    if (layer.has_residual()) {
      proto::Residual& residual = *layer.mutable_residual();
      Names inside{.count_by_kind = {}, .taken = {}, .defaults = names.defaults};
      name_layers(*residual.mutable_body(), classes, at + ".residual.body", inside, faults);
      name_layers(*residual.mutable_shortcut(), classes, at + ".residual.shortcut", inside, faults);
    }
    if (by_default) {
      names.defaults.insert(layer.name());
    } else {
      names.defaults.erase(layer.name());  // one of a list around this one
    }
  }
}

}  // namespace

bool resolve_model(int classes, proto::Model& model, Faults& faults) {
  if (model.has_zoo()) {
    if (model.layer_size() > 0) {
      faults.add("model.layer", "expected either zoo or layers, got both; take one away");
      return false;
    }
    const std::string name = model.zoo();
    if (!expand_zoo(name, model)) {
      const std::string near = nearest(name, zoo_names());
      faults.add("model.zoo", fmt::format("no network is called \"{}\"{} are: {}", name,
                                          near.empty() ? "; there" : fmt::format("; did you mean \"{}\"? There", near),
                                          fmt::join(zoo_names(), ", ")));
      return false;
    }
    faults.place_as("model.layer", "model.zoo");
  } else if (model.layer_size() == 0) {
    faults.add("model", "expected a zoo name or layers, got neither");
    return false;
  }
  Names names;
  name_layers(*model.mutable_layer(), classes, "model.layer", names, faults);
  fill_defaults(model);
  return true;
}

}  // namespace lockstep
