// Networks by name: the files of launch/models, which are in the program. Their layers are written out into the model,
// so that the resolved job says everything.
#pragma once

#include <span>
#include <string_view>

#include "proto/model.pb.h"

namespace lockstep {

struct ZooText {
  std::string_view name;
  std::string_view text;
};
// All of them. Its source is made when the build is configured.
std::span<const ZooText> zoo_texts();

// Puts the content of the named network in the place of the name. False, and nothing done, when there is none of that
// name.
bool expand_zoo(std::string_view name, proto::Model& model);

}  // namespace lockstep
