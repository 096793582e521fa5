// One `--set` argument taken apart: which field it sets and what it gives, without a message to set it in.
// Threads: const members from any.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace lockstep {

// One step of a path as it is written: "layer[0]" or "dense".
struct PathStep {
  std::string_view name;
  std::optional<int> index;
};

// Takes the first step off the front of `path`; nothing when it is not well formed.
std::optional<PathStep> take_step(std::string_view& path);

class Setting {
 public:
  // Of a message of this type. Nothing when there is no such field; set_by_path says why. Of a value that the field
  // does not take only what could be read of it is given.
  static std::optional<Setting> of(std::string_view assignment, const google::protobuf::Descriptor& type);

  // "model.layer[0].dense.units".
  const std::string& path() const { return path_.text; }
  // The paths of all that it gives: its own, and those of every field inside a message or list.
  std::vector<std::string> fields() const;

  // The alternatives of oneofs that `message` has where this, or what is in it, chooses one: "optimizer.kind" ->
  // "optimizer.adam"; an empty path where it has none.
  std::map<std::string, std::string> alternatives_in(const google::protobuf::Message& message) const;

  // What `earlier` gave that is no longer so when this is set after it: it has another value, the message or list
  // around it was replaced by one without it, or another alternative of a oneof on the way to it was chosen. Empty:
  // nothing.
  std::string undone(const Setting& earlier) const;
  // Whether both set the same field, or one of them a part of what the other one sets.
  bool overlaps(const Setting& other) const;

 private:
  struct Step {
    const google::protobuf::FieldDescriptor* field = nullptr;
    int index = -1;  // -1: a field that is not repeated, or all of one that is
    bool operator==(const Step&) const = default;
  };
  struct Place {
    std::vector<Step> steps;
    std::string text;
  };
  // How two places lie to each other.
  enum class Relation { kApart, kAlternatives, kSame, kFirstInSecond, kSecondInFirst };

  static Relation relation(const Place& first, const Place& second);
  static Place inside(const Place& place, const google::protobuf::FieldDescriptor& field, int index);
  void add_given(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int element,
                 Place place);

  Place path_;
  std::vector<Place> given_;
  std::vector<std::string> values_;  // of given_: "path=value"
  std::set<std::string> all_values_;
};

}  // namespace lockstep
