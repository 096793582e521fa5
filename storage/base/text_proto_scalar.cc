#include "storage/base/text_proto_scalar.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "storage/base/status.h"

namespace lockstep {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::io::Tokenizer;

template <typename Value>
using Writer = void (Reflection::*)(Message*, const FieldDescriptor*, Value) const;

// A field of any one type, and how a value gets into it.
struct Target {
  Message& message;
  const FieldDescriptor& field;

  template <typename Value>
  void put(Writer<Value> set, Writer<Value> add, std::type_identity_t<Value> value) const {
    (message.GetReflection()->*(field.is_repeated() ? add : set))(&message, &field, std::move(value));
  }
};

// "A, B or C".
std::string admitted_names(const google::protobuf::EnumDescriptor& type) {
  std::string names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (i > 0) names += i + 1 < type.value_count() ? ", " : " or ";
    names += type.value(i)->name();
  }
  return names;
}

template <typename Integer>
std::string put_integer(const TextScalar& scalar, const Target& target, Writer<Integer> set, Writer<Integer> add) {
  using Limits = std::numeric_limits<Integer>;
  const std::uint64_t largest =
      scalar.negative ? 0 - static_cast<std::uint64_t>(Limits::min()) : static_cast<std::uint64_t>(Limits::max());
  std::uint64_t magnitude = 0;
  if (scalar.type != Tokenizer::TYPE_INTEGER) return "an integer";
  // In C and in text proto 010 is 8; whoever writes it here means 10.
  if (scalar.text.size() > 1 && scalar.text[0] == '0' && scalar.text[1] != 'x' && scalar.text[1] != 'X') {
    return "an integer without leading zeros";
  }
  if (!Tokenizer::ParseInteger(scalar.text, largest, &magnitude)) {
    return fmt::format("an integer from {} to {}", Limits::min(), Limits::max());
  }
  target.put(set, add, static_cast<Integer>(scalar.negative ? 0 - magnitude : magnitude));
  return "";
}

std::optional<double> to_number(const TextScalar& scalar) {
  const double sign = scalar.negative ? -1 : 1;
  if (scalar.type == Tokenizer::TYPE_FLOAT) return sign * Tokenizer::ParseFloat(scalar.text);
  if (scalar.type == Tokenizer::TYPE_INTEGER) {
    const bool decimal = scalar.text.size() == 1 || scalar.text[0] != '0';
    return decimal ? std::optional(sign * Tokenizer::ParseFloat(scalar.text)) : std::nullopt;
  }
  if (scalar.text == "inf") return sign * std::numeric_limits<double>::infinity();
  if (scalar.text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::string put_number(const TextScalar& scalar, const Target& target) {
  const std::optional<double> number = to_number(scalar);
  if (!number.has_value()) return "a decimal number";
  if (target.field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    target.put(&Reflection::SetDouble, &Reflection::AddDouble, *number);
    return "";
  }
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (std::isfinite(*number) && std::abs(*number) > kLargest) return fmt::format("a number of at most {}", kLargest);
  target.put(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(*number));
  return "";
}

std::string put_bool(const TextScalar& scalar, const Target& target) {
  if (scalar.negative || (scalar.text != "true" && scalar.text != "false")) return "true or false";
  target.put(&Reflection::SetBool, &Reflection::AddBool, scalar.text == "true");
  return "";
}

std::string put_enum(const TextScalar& scalar, const Target& target) {
  const EnumValueDescriptor* value = target.field.enum_type()->FindValueByName(scalar.text);
  if (value == nullptr || scalar.negative) return admitted_names(*target.field.enum_type());
  target.put(&Reflection::SetEnum, &Reflection::AddEnum, value);
  return "";
}

std::string put_string(const TextScalar& scalar, const Target& target) {
  if (scalar.type != Tokenizer::TYPE_STRING) return "a string in quotes";
  target.put(&Reflection::SetString, &Reflection::AddString, scalar.value);
  return "";
}

}  // namespace

std::string put_scalar(const TextScalar& scalar, const FieldDescriptor& field, Message& message) {
  const Target target{message, field};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put_integer<std::int32_t>(scalar, target, &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return put_integer<std::int64_t>(scalar, target, &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return put_integer<std::uint32_t>(scalar, target, &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return put_integer<std::uint64_t>(scalar, target, &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put_number(scalar, target);
    case FieldDescriptor::CPPTYPE_BOOL:
      return put_bool(scalar, target);
    case FieldDescriptor::CPPTYPE_ENUM:
      return put_enum(scalar, target);
    case FieldDescriptor::CPPTYPE_STRING:
      return put_string(scalar, target);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  CHECK(false, "{} is not a scalar", field.full_name());
}

}  // namespace lockstep
