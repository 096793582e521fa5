// Reads text proto through protobuf's own tokenizer and reflection. TextFormat::Parser is not used because it ends at
// the first wrong value, gives the line of the next token for a bad name of an enum, and never says at which path: here
// every fault has its path and its line, and reading goes on.
// Extensions and google.protobuf.Any are not read. Used by text_proto.h; nothing else needs it.
// Threads: one thread per object.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include "storage/base/text_proto.h"
#include "storage/base/text_proto_scalar.h"

namespace lockstep {

class TextProtoReader : private google::protobuf::io::ErrorCollector {
 public:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  // line: the line that every token counts as being in; 0: its own. `text` must outlive the reader.
  TextProtoReader(std::string_view text, int line, Faults& faults);

  // Each takes the whole text:
  // the fields of the outermost message;
  void read_fields(Message& message);
  // what may stand behind the field's name and colon, at `path`; added to what a repeated field holds;
  void read_value(Message& message, const Field& field, const std::string& path);
  // one value, at `path`; a repeated field gets it as its last element, or stays as it was when there is a fault.
  void read_one(Message& message, const Field& field, const std::string& path);

 private:
  // Each consumes what it names and is false when the syntax leaves nothing more to read.
  bool take_fields(Message& message, const std::string& path, std::string_view end);
  bool take_field(Message& message, const std::string& path, std::string_view end);
  bool take_value(Message& message, const Field& field, const std::string& path);
  bool take_list(Message& message, const Field& field, const std::string& path);
  bool take_element(Message& message, const Field& field, const std::string& path);
  bool take_one(Message& message, const Field& field, const std::string& path);
  bool take_braces(Message& message, const std::string& path);
  bool take_scalar(Message& message, const Field& field, const std::string& path);
  bool skip_value(const std::string& path);
  // Any value, be it for a scalar or not; strings side by side are one.
  bool take_anything(TextScalar& scalar, const std::string& path);
  bool skip_nested(const std::string& path);

  bool at(std::string_view text) { return tokenizer_.current().text == text; }
  bool at_end() { return tokenizer_.current().type == google::protobuf::io::Tokenizer::TYPE_END; }
  bool accept(std::string_view text);
  bool syntax_fault(const std::string& path, std::string_view expected);
  void expect_end(const std::string& path);
  int line();
  void AddError(int line, int column, const std::string& message) override;

  const int fixed_line_;
  Faults& faults_;
  google::protobuf::io::ArrayInputStream stream_;
  google::protobuf::io::Tokenizer tokenizer_;
  int depth_ = 0;
};

// "no field ... in TYPE; nearest: ...".
std::string no_such_field(std::string_view name, const google::protobuf::Descriptor& type);

}  // namespace lockstep
