#include <optional>
#include <vector>

#include <google/protobuf/message.h>

#include "storage/base/text_proto.h"
#include "storage/base/text_proto_reader.h"
#include "storage/base/text_proto_setting.h"

namespace lockstep {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Follows a path, and sets what is at its end.
class Setter {
 public:
  Setter(std::string_view value, Faults& faults) : value_(value), faults_(faults) {}

  void set(Message& message, const std::string& path, std::string_view steps) {
    const std::optional<PathStep> step = take_step(steps);
    if (!step.has_value()) return fault(path, "expected NAME or NAME[INDEX] between the dots");
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(step->name));
    if (field == nullptr) return fault(path, no_such_field(step->name, *message.GetDescriptor()));
    std::string field_path = path_of(path, step->name);
    if (step->index.has_value()) {
      if (!field->is_repeated()) return fault(field_path, "expected no [INDEX]: it is not repeated");
      const int size = message.GetReflection()->FieldSize(message, field);
      const bool adds = *step->index == size && steps.empty();
      if (*step->index >= size && !adds) {
        return fault(field_path, fmt::format("expected an index below {}, got {}; {}[{}]=VALUE adds one", size,
                                             *step->index, path_of(path, step->name), size));
      }
      field_path = path_of(field_path, *step->index);
    }
    if (steps.empty()) return set_field(message, *field, step->index, field_path);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      return fault(field_path, "expected the end of the path: it has no fields");
    if (field->is_repeated() && !step->index.has_value())
      return fault(field_path, fmt::format("expected an [INDEX], as in {}[0]", field->name()));
    const Reflection& reflection = *message.GetReflection();
    set(step->index.has_value() ? *reflection.MutableRepeatedMessage(&message, field, *step->index)
                                : *reflection.MutableMessage(&message, field),
        field_path, steps);
  }

 private:
  void set_field(Message& message, const FieldDescriptor& field, std::optional<int> index, const std::string& path) {
    const Reflection& reflection = *message.GetReflection();
    faults_.forget_lines(path);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field.is_repeated() && !value_.starts_with('"')) {
      faults_.set_line(path, Faults::kFromCommandLine);
      return reflection.SetString(&message, &field, std::string(value_));
    }
    TextProtoReader reader(value_, Faults::kFromCommandLine, faults_);
    if (!index.has_value()) {
      reflection.ClearField(&message, &field);
      return reader.read_value(message, field, path);
    }
    // The new element is read behind the others, then takes the place of the old one, if there is one.
    const int size = reflection.FieldSize(message, &field);
    reader.read_one(message, field, path);
    if (reflection.FieldSize(message, &field) == size || *index == size) return;
    reflection.SwapElements(&message, &field, *index, size);
    reflection.RemoveLast(&message, &field);
  }

  void fault(const std::string& path, std::string_view message) {
    faults_.add_at(Faults::kFromCommandLine, path, message);
  }

  const std::string_view value_;
  Faults& faults_;
};

}  // namespace

void set_by_path(std::string_view assignment, google::protobuf::Message& message, Faults& faults) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return faults.add_at(Faults::kFromCommandLine, "", fmt::format("expected PATH=VALUE, got \"{}\"", assignment));
  }
  Setter(assignment.substr(equals + 1), faults).set(message, "", assignment.substr(0, equals));
}

void set_all_by_path(std::span<const std::string> assignments, google::protobuf::Message& message, Faults& faults) {
  std::vector<Setting> before;
  for (const std::string& assignment : assignments) {
    set_by_path(assignment, message, faults);
    std::optional<Setting> setting = Setting::of(assignment, *message.GetDescriptor());
    if (!setting.has_value()) continue;
    for (const Setting& it : before) {
      const std::string undone = setting->undone(it);
      if (undone.empty()) continue;
      faults.add_at(Faults::kFromCommandLine, setting->path(),
                    it.path() == setting->path()
                        ? std::string("set twice, to different values: give it once")
                        : fmt::format("undoes {}, which is set before it: give only one of the two", undone));
      break;
    }
    before.push_back(*std::move(setting));
  }
}

}  // namespace lockstep
