// Reading a configuration: text proto, with all faults at once, each with its line; overrides by path; limits and
// defaults taken from the field options in proto/options.proto by reflection.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace google::protobuf {
class Message;
}

namespace lockstep {

// Faults found so far, each at a path such as "optimizer.sgd.momentum" or "model.layer[2].convolution.kernel".
class Faults {
 public:
  void add(std::string_view path, std::string_view message);
  bool empty() const { return faults_.empty(); }
  // OK, or one bad_configuration that lists every fault on its own line as "FILE:LINE: path: message"
  // (the line of the nearest enclosing field that the text gives; without one, "FILE: path: message").
  Status status(std::string_view file) const;

 private:
  friend class TextProtoReader;
  struct Fault {
    std::string path;
    std::string message;
    int line = 0;  // known when the parser found it; 0: looked up by path
  };
  std::vector<Fault> faults_;
  std::map<std::string, int> lines_;  // path -> line, 1-based
};

// Parses `text` into `message` (which is cleared first); unknown fields, wrong types and bad enum values become faults
// that name the nearest field or the admitted values. Recursion is limited to 64. Never stops at the first fault where
// the parser can go on.
void parse_text_proto(std::string_view text, google::protobuf::Message& message, Faults& faults);

// Reads at most 1 MiB. Errors: bad_configuration (missing file).
Status read_text_proto(const std::filesystem::path& path, google::protobuf::Message& message, Faults& faults);

// One `--set` argument "path=value": scalars, enums and bools by name, "layer[0].dense.units=3" for elements, and for a
// message or repeated field text proto in braces or brackets: "schedule={cosine {}}", "kernel=[3, 3]". Setting a field
// inside another alternative of a oneof chooses it. Faults name the nearest field.
void set_by_path(std::string_view assignment, google::protobuf::Message& message, Faults& faults);

// Adds a fault for every required field or oneof that is missing and every number out of its limits, at any depth.
void check_limits(const google::protobuf::Message& message, Faults& faults);

// Writes the default of every scalar that is not set into the message, in every sub-message that is present, so that
// the text form says everything. Fields of a oneof are left alone.
void fill_defaults(google::protobuf::Message& message);

// Paths of fields that differ, as "path: a, b", leaving out those marked neutral in proto/options.proto.
std::vector<std::string> differing_fields(const google::protobuf::Message& a, const google::protobuf::Message& b);

// The name among `candidates` with the smallest edit distance to `name`; empty when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace lockstep
