#include "trainer/nn/network/zoo.h"

#include <algorithm>
#include <string>
#include <vector>

#include "storage/base/text_proto.h"
#include "trainer/nn/network/network.h"

namespace lockstep {
namespace {

// A file launch/models/NAME.model.pbtxt has its line here.
const ZooModel kZoo[] = {{"lenet", {1, 28, 28}, 10},
                         {"small_cnn", {1, 28, 28}, 10},
                         {"resnet18", {3, 224, 224}, 1000},
                         {"resnet18_small", {3, 32, 32}, 10},
                         {"vgg16", {3, 224, 224}, 1000}};

}  // namespace

std::vector<ZooModel> zoo_models() {
  return {std::begin(kZoo), std::end(kZoo)};
}

std::vector<std::string> zoo_names() {
  std::vector<std::string> names;
  for (const ZooModel& model : kZoo) names.push_back(model.name);
  return names;
}

bool expand_zoo(std::string_view name, proto::Model& model) {
  const std::span<const ZooText> texts = zoo_texts();
  const auto known = std::find_if(texts.begin(), texts.end(), [&](const ZooText& text) { return text.name == name; });
  if (known == texts.end()) return false;
  proto::Model content;
  Faults faults;
  parse_text_proto(known->text, content, faults);
  CHECK(faults.empty(), "{}", faults.status(known->name).ToString());
  model.clear_zoo();
  content.MergeFrom(model);
  model = std::move(content);
  return true;
}

}  // namespace lockstep
