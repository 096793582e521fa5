#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "proto/options.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

std::string scalar_text(const Message& message, const FieldDescriptor& field) {
  std::string text;
  if (!field.is_repeated()) {
    TextFormat::PrintFieldValueToString(message, &field, -1, &text);
    return text;
  }
  std::string list;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    TextFormat::PrintFieldValueToString(message, &field, i, &text);
    list += (i > 0 ? ", " : "") + text;
  }
  return fmt::format("[{}]", list);
}

std::string chosen(const Message& message, const OneofDescriptor& oneof) {
  const FieldDescriptor* field = message.GetReflection()->GetOneofFieldDescriptor(message, &oneof);
  return field == nullptr ? "none" : field->name();
}

class Comparison {
 public:
  // Requires: messages of one type.
  void compare(const Message& a, const Message& b, const std::string& path) {
    const Descriptor& type = *a.GetDescriptor();
    CHECK(&type == b.GetDescriptor(), "{} and {}", type.full_name(), b.GetDescriptor()->full_name());
    if (type.options().GetExtension(proto::all_neutral)) return;
    for (int i = 0; i < type.oneof_decl_count(); ++i) {
      const OneofDescriptor& oneof = *type.oneof_decl(i);
      if (chosen(a, oneof) != chosen(b, oneof)) add(path, chosen(a, oneof), chosen(b, oneof));
    }
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (!field.options().GetExtension(proto::neutral)) compare_field(a, b, field, path_of(path, field.name()));
    }
  }

  std::vector<std::string> take() { return std::move(differences_); }

 private:
  void compare_field(const Message& a, const Message& b, const FieldDescriptor& field, const std::string& path) {
    const Reflection& reflection = *a.GetReflection();
    const bool optional = !field.is_repeated();
    const bool in_a = optional && reflection.HasField(a, &field);
    const bool in_b = optional && reflection.HasField(b, &field);
    // Another choice has been reported with the oneof.
    if (field.containing_oneof() != nullptr && !(in_a && in_b)) return;
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      const std::string text_a = scalar_text(a, field);
      const std::string text_b = scalar_text(b, field);
      if (text_a != text_b) add(path, text_a, text_b);
    } else if (!optional) {
      compare_elements(a, b, field, path);
    } else if (in_a && in_b) {
      compare(reflection.GetMessage(a, &field), reflection.GetMessage(b, &field), path);
    } else if (in_a != in_b && !field.message_type()->options().GetExtension(proto::all_neutral)) {
      add(path, in_a ? "given" : "not given", in_b ? "given" : "not given");
    }
  }

  void compare_elements(const Message& a, const Message& b, const FieldDescriptor& field, const std::string& path) {
    const Reflection& reflection = *a.GetReflection();
    const int size_a = reflection.FieldSize(a, &field);
    const int size_b = reflection.FieldSize(b, &field);
    if (size_a != size_b) return add(path, fmt::format("{} elements", size_a), fmt::format("{} elements", size_b));
    for (int i = 0; i < size_a; ++i) {
      compare(reflection.GetRepeatedMessage(a, &field, i), reflection.GetRepeatedMessage(b, &field, i),
              path_of(path, i));
    }
  }

  void add(const std::string& path, std::string_view a, std::string_view b) {
    differences_.push_back(fmt::format("{}: {}, {}", path, a, b));
  }

  std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> differing_fields(const Message& a, const Message& b) {
  Comparison comparison;
  comparison.compare(a, b, "");
  return comparison.take();
}

}  // namespace lockstep
