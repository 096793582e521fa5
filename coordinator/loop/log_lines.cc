#include "coordinator/loop/log_lines.h"

#include <optional>

#include "coordinator/sweep/view.h"

namespace lockstep {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// None: it is not a simple one.
std::optional<LogField> simple(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated() || !reflection.HasField(message, &field)) return std::nullopt;
  const std::string& name = field.name();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return LogField{name, reflection.GetString(message, &field)};
    case FieldDescriptor::CPPTYPE_ENUM:
      return LogField{name, reflection.GetEnum(message, &field)->name()};
    case FieldDescriptor::CPPTYPE_INT32:
      return LogField{name, std::int64_t{reflection.GetInt32(message, &field)}};
    case FieldDescriptor::CPPTYPE_INT64:
      return LogField{name, reflection.GetInt64(message, &field)};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return LogField{name, reflection.GetDouble(message, &field)};
    case FieldDescriptor::CPPTYPE_BOOL:
      return LogField{name, reflection.GetBool(message, &field)};
    default:
      return std::nullopt;
  }
}

}  // namespace

LogFields fields_of(const AttemptKey& key) {
  return {{"sweep", key.sweep}, {"trial", std::int64_t{key.trial}}, {"attempt", std::int64_t{key.attempt}}};
}

void log_event(const proto::Event& event) {
  const proto::Event it = public_event(event);
  const FieldDescriptor* const kind =
      it.GetReflection()->GetOneofFieldDescriptor(it, it.GetDescriptor()->FindOneofByName("kind"));
  if (kind == nullptr) return;
  LogFields fields{{"revision", it.revision()}, {"sweep", it.sweep()}};
  const Message& what = it.GetReflection()->GetMessage(it, kind);
  for (int i = 0; i < what.GetDescriptor()->field_count(); ++i) {
    if (auto field = simple(what, *what.GetDescriptor()->field(i))) fields.push_back(*std::move(field));
  }
  log(LogLevel::kInfo, kind->name(), fields);
}

}  // namespace lockstep
