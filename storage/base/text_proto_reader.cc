#include "storage/base/text_proto_reader.h"

#include <vector>

namespace lockstep {
namespace {

using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;
using google::protobuf::io::Tokenizer;

constexpr int kDepthLimit = 64;

bool is_message(const google::protobuf::FieldDescriptor& field) {
  return field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE;
}

bool opens(std::string_view token) {
  return token == "{" || token == "<" || token == "[";
}
bool closes(std::string_view token) {
  return token == "}" || token == ">" || token == "]";
}

}  // namespace

std::string no_such_field(std::string_view name, const google::protobuf::Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  const std::string near = nearest(name, names);
  return fmt::format("no field \"{}\" in {}{}", name, type.name(),
                     near.empty() ? "" : fmt::format("; nearest: \"{}\"", near));
}

TextProtoReader::TextProtoReader(std::string_view text, int line, Faults& faults)
    : fixed_line_(line),
      faults_(faults),
      stream_(text.data(), static_cast<int>(text.size())),
      tokenizer_(&stream_, this) {
  tokenizer_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
  tokenizer_.set_allow_f_after_float(true);
  tokenizer_.Next();
}

void TextProtoReader::read_fields(Message& message) {
  static_cast<void>(take_fields(message, "", ""));
}

void TextProtoReader::read_value(Message& message, const Field& field, const std::string& path) {
  faults_.set_line(path, line());
  if (take_value(message, field, path)) expect_end(path);
}

void TextProtoReader::read_one(Message& message, const Field& field, const std::string& path) {
  faults_.set_line(path, line());
  if (take_one(message, field, path)) expect_end(path);
}

bool TextProtoReader::take_fields(Message& message, const std::string& path, std::string_view end) {
  while (!(end.empty() ? at_end() : at(end))) {
    if (!take_field(message, path, end)) return false;
    if (!accept(",")) accept(";");  // admitted and without meaning
  }
  return true;
}

bool TextProtoReader::take_field(Message& message, const std::string& path, std::string_view end) {
  if (tokenizer_.current().type != Tokenizer::TYPE_IDENTIFIER) {
    return syntax_fault(path, end.empty() ? "a field name" : fmt::format("a field name or \"{}\"", end));
  }
  const std::string name = tokenizer_.current().text;
  const int name_line = line();
  tokenizer_.Next();
  const Field* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) {
    faults_.add_at(name_line, path, no_such_field(name, *message.GetDescriptor()));
    return skip_value(path);
  }
  const std::string field_path = path_of(path, name);
  const Reflection& reflection = *message.GetReflection();
  const OneofDescriptor* oneof = field->containing_oneof();
  if (!field->is_repeated() && reflection.HasField(message, field)) {
    faults_.add_at(name_line, field_path, fmt::format("given twice, first in line {}", faults_.line(field_path)));
    return skip_value(field_path);
  }
  if (oneof != nullptr && reflection.HasOneof(message, oneof)) {
    const std::string& other = reflection.GetOneofFieldDescriptor(message, oneof)->name();
    faults_.add_at(name_line, field_path, fmt::format("expected either this or \"{}\", got both", other));
    return skip_value(field_path);
  }
  faults_.set_line(field_path, name_line);
  if (!accept(":") && !is_message(*field)) return syntax_fault(field_path, "\":\"");
  return take_value(message, *field, field_path);
}

bool TextProtoReader::take_value(Message& message, const Field& field, const std::string& path) {
  if (!field.is_repeated()) return take_one(message, field, path);
  return at("[") ? take_list(message, field, path) : take_element(message, field, path);
}

bool TextProtoReader::take_list(Message& message, const Field& field, const std::string& path) {
  accept("[");
  if (accept("]")) return true;
  do {
    if (!take_element(message, field, path)) return false;
  } while (accept(","));
  return accept("]") || syntax_fault(path, "\",\" or \"]\"");
}

bool TextProtoReader::take_element(Message& message, const Field& field, const std::string& path) {
  const std::string element_path = path_of(path, message.GetReflection()->FieldSize(message, &field));
  faults_.set_line(element_path, line());
  return take_one(message, field, element_path);
}

bool TextProtoReader::take_one(Message& message, const Field& field, const std::string& path) {
  if (!is_message(field)) return take_scalar(message, field, path);
  if (!at("{") && !at("<")) {
    faults_.add_at(
        line(), path,
        fmt::format("expected {{ fields of {} }}, got {}", field.message_type()->name(), tokenizer_.current().text));
    return skip_value(path);
  }
  const Reflection& reflection = *message.GetReflection();
  return take_braces(
      field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field),
      path);
}

bool TextProtoReader::take_braces(Message& message, const std::string& path) {
  const std::string_view end = at("{") ? "}" : ">";
  if (depth_ == kDepthLimit) return syntax_fault(path, fmt::format("messages nested at most {} deep", kDepthLimit));
  ++depth_;
  tokenizer_.Next();
  const bool going_on = take_fields(message, path, end);
  --depth_;
  return going_on && accept(end);
}

bool TextProtoReader::take_scalar(Message& message, const Field& field, const std::string& path) {
  const int value_line = line();
  TextScalar scalar;
  if (!take_anything(scalar, path)) return false;
  const std::string expected = put_scalar(scalar, field, message);
  if (!expected.empty()) {
    const std::string got = (scalar.negative ? "-" : "") + scalar.text;
    faults_.add_at(value_line, path, fmt::format("expected {}, got {}", expected, got));
  }
  return true;
}

bool TextProtoReader::skip_value(const std::string& path) {
  accept(":");
  TextScalar ignored;
  return take_anything(ignored, path);
}

bool TextProtoReader::take_anything(TextScalar& scalar, const std::string& path) {
  scalar.negative = accept("-");
  scalar.type = tokenizer_.current().type;
  scalar.text = tokenizer_.current().text;
  if (opens(scalar.text)) return skip_nested(path);
  if (scalar.type == Tokenizer::TYPE_SYMBOL || at_end()) return syntax_fault(path, "a value");
  do {
    if (scalar.type == Tokenizer::TYPE_STRING) Tokenizer::ParseStringAppend(tokenizer_.current().text, &scalar.value);
    tokenizer_.Next();
  } while (scalar.type == Tokenizer::TYPE_STRING && tokenizer_.current().type == Tokenizer::TYPE_STRING);
  return true;
}

bool TextProtoReader::skip_nested(const std::string& path) {
  int open = 0;
  do {
    if (at_end()) return syntax_fault(path, "a closing bracket");
    if (opens(tokenizer_.current().text)) ++open;
    if (closes(tokenizer_.current().text)) --open;
    tokenizer_.Next();
  } while (open > 0);
  return true;
}

bool TextProtoReader::accept(std::string_view text) {
  if (!at(text)) return false;
  tokenizer_.Next();
  return true;
}

bool TextProtoReader::syntax_fault(const std::string& path, std::string_view expected) {
  const std::string got = at_end() ? "the end of the text" : fmt::format("\"{}\"", tokenizer_.current().text);
  faults_.add_at(line(), path, fmt::format("expected {}, got {}", expected, got));
  faults_.set_incomplete();
  return false;
}

void TextProtoReader::expect_end(const std::string& path) {
  if (!at_end()) static_cast<void>(syntax_fault(path, "nothing more"));
}

int TextProtoReader::line() {
  return fixed_line_ != 0 ? fixed_line_ : tokenizer_.current().line + 1;
}

void TextProtoReader::AddError(int line, int, const std::string& message) {
  faults_.add_at(fixed_line_ != 0 ? fixed_line_ : line + 1, "", message);
  faults_.set_incomplete();
}

}  // namespace lockstep
