// JSON as text, with whatever others have written in its strings.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "storage/base/printable.h"

namespace lockstep {

// On one line, or indented. Bytes that are not UTF-8 are replaced; nothing in it is acted on by a terminal.
inline std::string json_dump(const nlohmann::ordered_json& json, int indent = -1) {
  return printable_json(json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace lockstep
