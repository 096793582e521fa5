#include "coordinator/store/known_event.h"

#include <string>
#include <vector>

#include <google/protobuf/unknown_field_set.h>

namespace lockstep {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "Retries has a field 9"; empty: all is known. An enumerator that is not known is kept as a field that is not.
std::string unknown_in(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (const auto& unknown = reflection.GetUnknownFields(message); unknown.field_count() > 0) {
    const int number = unknown.field(0).number();
    const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByNumber(number);
    return field == nullptr ? fmt::format("{} has a field {}", message.GetDescriptor()->name(), number)
                            : fmt::format("{}.{} has a value", message.GetDescriptor()->name(), field->name());
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const Message& inner = field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                                  : reflection.GetMessage(message, field);
      if (std::string found = unknown_in(inner); !found.empty()) return found;
    }
  }
  return "";
}

}  // namespace

Status check_known(const proto::Event& event) {
  std::string unknown = unknown_in(event);
  if (unknown.empty() && event.kind_case() == proto::Event::KIND_NOT_SET) unknown = "Event has a kind";
  if (unknown.empty()) return OkStatus();
  return bad_configuration(fmt::format(
      "event {}: {} that this program does not know: use the newer lockstep that wrote it", event.revision(), unknown));
}

}  // namespace lockstep
