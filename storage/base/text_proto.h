// Reading a configuration: text proto, with all faults at once, each with its line; overrides by path; limits and
// defaults taken from the field options in proto/options.proto by reflection.
// Threads: functions are independent.
#pragma once

#include <compare>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace google::protobuf {
class Message;
}

namespace lockstep {

// Under this name the error of Faults carries a BadRequest (proto/error.proto), which is Google's on the wire.
inline constexpr std::string_view kFaultsPayload = "type.googleapis.com/google.rpc.BadRequest";

// Faults found so far, each at a path such as "optimizer.sgd.momentum" or "model.layer[2].convolution.kernel", and
// where in the text each value was given: which line, and of which file when the content of others was taken in.
class Faults {
 public:
  // The line of what set_by_path gave.
  static constexpr int kFromCommandLine = -1;
  // So many are told; of further ones only how many there are.
  static constexpr std::size_t kMost = 1000;

  void add(std::string_view path, std::string_view message);
  bool empty() const { return faults_.empty(); }
  // OK, or one bad_configuration that lists every fault on its own line, top to bottom, as "FILE:LINE: path: message"
  // (the line of the nearest enclosing field that the text gives; without one, "FILE: path: message"; for a value from
  // the command line, "--set: path: message"), and carries them one by one as kFaultsPayload. What stands in a file
  // that was included is told behind the others, with the name of that file and the path within it.
  Status status(std::string_view file) const;

  // Takes over the faults and lines of a message that stands at `path` of this one and was read from a file of its
  // own. A field that has a line here keeps it.
  void include(std::string_view path, std::string_view file, const Faults& content);
  // What is at `path` was made of what is at `source`: it has its line.
  void place_as(std::string_view path, std::string_view source);

  // For those who find faults:
  void add_at(int line, std::string_view path, std::string_view message);
  void set_line(std::string_view path, int line);
  // 0: not known.
  int line(std::string_view path) const;
  // The path, or the nearest field around it, whose line is known; empty: none.
  std::string_view known(std::string_view path) const;
  // Forgets the lines of a path and of all that is inside it.
  void forget_lines(std::string_view path);
  // Whether there is a fault at exactly this path or at an element of it, so that it need not be reported as missing.
  bool has_at(std::string_view path) const;
  // Whether there is a fault at this path or inside it.
  bool has_within(std::string_view path) const;
  // The text could not be read to its end: nothing can be said to be missing.
  void set_incomplete() { complete_ = false; }
  bool complete() const { return complete_; }

 private:
  struct Place {
    std::size_t file = 0;  // 0: the one that status() names; i: included_[i - 1]
    int line = 0;          // 1-based; 0: not known
    auto operator<=>(const Place&) const = default;
  };
  struct Fault {
    std::string path;
    std::string message;
    Place place;  // not known: looked up by path
  };
  struct Included {
    std::string path;
    std::string file;
  };
  void add_fault(Fault fault);
  // Of the nearest enclosing field that has one.
  Place place_of(const Fault& fault) const;
  std::string told(const Fault& fault, const Place& place, std::string_view file) const;

  std::vector<Fault> faults_;
  std::size_t untold_ = 0;
  std::map<std::string, Place, std::less<>> places_;  // by path
  std::vector<Included> included_;
  bool complete_ = true;
};

// `path` with one more name, or index, at its end.
std::string path_of(std::string_view path, std::string_view name);
std::string path_of(std::string_view path, int index);

// Parses `text` into `message` (which is cleared first). Unknown fields, wrong types, bad enum values and fields given
// twice become faults that name the nearest field or the admitted values, and reading goes on behind them; it ends at
// a fault of syntax. Messages nest at most 64 deep. Files of Windows are read; numbers are decimal or 0x.
void parse_text_proto(std::string_view text, google::protobuf::Message& message, Faults& faults);

// The same with the content of a file. Errors: bad_configuration when it cannot be read or is longer than 1 MiB.
Status read_text_proto(const std::filesystem::path& path, google::protobuf::Message& message, Faults& faults);

// One `--set` argument "path=value": numbers, bools and enums as in text proto, strings with or without quotes,
// "layer[0].dense.units=3" for elements that exist, and for a message or repeated field text proto in braces or
// brackets: "schedule={cosine {}}", "kernel=[3, 3]". The value replaces the old one; that of the element behind the
// last adds one: "parameters[0]={match: \"*\" frozen: true}" where there are none. Setting a field inside another
// alternative of a oneof chooses it. Faults name the nearest field.
void set_by_path(std::string_view assignment, google::protobuf::Message& message, Faults& faults);

// Several, one after another. An assignment that undoes one before it is a fault: what that one gave would have another
// value, or be gone, since a message around it was replaced or another alternative of a oneof was chosen.
void set_all_by_path(std::span<const std::string> assignments, google::protobuf::Message& message, Faults& faults);

// Adds a fault for every required field or oneof that is missing and every number that is out of its limits or not
// finite, at any depth. `path`: where the message stands.
void check_limits(const google::protobuf::Message& message, Faults& faults, const std::string& path = "");

// Writes the default that the proto names into every scalar that is not set, in every sub-message that is present, so
// that the text form says everything. Fields of a oneof and fields whose proto names no default are left alone.
void fill_defaults(google::protobuf::Message& message);

// Paths of fields that differ, as "path: a, b", leaving out those marked neutral in proto/options.proto. A scalar that
// is not set counts as its default; a message that is not given differs from an empty one, as `random_crop {}` shows.
// Requires: messages of one type.
std::vector<std::string> differing_fields(const google::protobuf::Message& a, const google::protobuf::Message& b);

// The name among `candidates` with the smallest edit distance to `name`; empty when none is near: when more than a
// third of the letters of the longer one would have to change.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace lockstep
