#include <cmath>
#include <vector>

#include <google/protobuf/message.h>

#include "proto/options.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

struct Number {
  double value = 0;
  std::string text;
};

template <typename Value>
Number number(Value value) {
  return {static_cast<double>(value), fmt::format("{}", value)};
}

bool is_number(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return true;
    default:
      return false;
  }
}

// Requires: is_number(field).
Number number_at(const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& at = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return number(many ? at.GetRepeatedInt32(message, &field, i) : at.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return number(many ? at.GetRepeatedInt64(message, &field, i) : at.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return number(many ? at.GetRepeatedUInt32(message, &field, i) : at.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return number(many ? at.GetRepeatedUInt64(message, &field, i) : at.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return number(many ? at.GetRepeatedFloat(message, &field, i) : at.GetFloat(message, &field));
    default:
      return number(many ? at.GetRepeatedDouble(message, &field, i) : at.GetDouble(message, &field));
  }
}

// The first bound that the value breaks, as "at least 1"; nothing when it breaks none. A NaN breaks all.
std::string broken_bound(const proto::Limits& limits, double value) {
  if (limits.has_at_least() && !(value >= limits.at_least())) return fmt::format("at least {}", limits.at_least());
  if (limits.has_above() && !(value > limits.above())) return fmt::format("above {}", limits.above());
  if (limits.has_at_most() && !(value <= limits.at_most())) return fmt::format("at most {}", limits.at_most());
  if (limits.has_below() && !(value < limits.below())) return fmt::format("below {}", limits.below());
  return "";
}

void check_number(const FieldDescriptor& field, const Number& number, std::string_view path, Faults& faults) {
  std::string expected = broken_bound(field.options().GetExtension(proto::limits), number.value);
  if (expected.empty() && !std::isfinite(number.value)) expected = "a finite number";
  if (!expected.empty()) faults.add(path, fmt::format("expected {}, got {}", expected, number.text));
}

// Those that are no numbers have been told.
void check_rises(const Number& before, const Number& number, std::string_view path, Faults& faults) {
  if (!(number.value <= before.value)) return;
  faults.add(path, fmt::format("expected more than the {} before it, got {}", before.text, number.text));
}

// "a, b or c".
std::string alternatives(const OneofDescriptor& oneof) {
  std::string names;
  for (int i = 0; i < oneof.field_count(); ++i) {
    if (i > 0) names += i + 1 < oneof.field_count() ? ", " : " or ";
    names += oneof.field(i)->name();
  }
  return names;
}

void check_message(const Message& message, const std::string& path, Faults& faults);

void check_field(const Message& message, const FieldDescriptor& field, const std::string& path, Faults& faults) {
  const Reflection& reflection = *message.GetReflection();
  const bool many = field.is_repeated();
  const int count = many ? reflection.FieldSize(message, &field) : (reflection.HasField(message, &field) ? 1 : 0);
  if (count == 0 && field.options().GetExtension(proto::required) && faults.complete() && !faults.has_at(path)) {
    faults.add(path, "required, but not given");
  }
  for (int i = 0; i < count; ++i) {
    const std::string element_path = many ? path_of(path, i) : path;
    if (is_number(field)) {
      const Number number = number_at(message, field, i);
      check_number(field, number, element_path, faults);
      if (i > 0 && field.options().GetExtension(proto::limits).rising()) {
        check_rises(number_at(message, field, i - 1), number, element_path, faults);
      }
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      check_message(many ? reflection.GetRepeatedMessage(message, &field, i) : reflection.GetMessage(message, &field),
                    element_path, faults);
    }
  }
}

void check_message(const Message& message, const std::string& path, Faults& faults) {
  const Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *type.oneof_decl(i);
    if (!oneof.options().GetExtension(proto::one_required) || !faults.complete() || faults.has_at(path)) continue;
    if (!message.GetReflection()->HasOneof(message, &oneof)) {
      faults.add(path, fmt::format("expected one of {}, got none", alternatives(oneof)));
    }
  }
  for (int i = 0; i < type.field_count(); ++i) {
    check_field(message, *type.field(i), path_of(path, type.field(i)->name()), faults);
  }
}

}  // namespace

void check_limits(const google::protobuf::Message& message, Faults& faults, const std::string& path) {
  check_message(message, path, faults);
}

}  // namespace lockstep
