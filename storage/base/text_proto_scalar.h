// One scalar of a text proto, put into a field of any scalar type.
#pragma once

#include <string>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/message.h>

namespace lockstep {

struct TextScalar {
  google::protobuf::io::Tokenizer::TokenType type = google::protobuf::io::Tokenizer::TYPE_END;
  bool negative = false;
  std::string text;   // the token, without the sign
  std::string value;  // of a string: its bytes
};

// Sets a singular field, adds to a repeated one. Returns what the field expects when it does not take the scalar
// ("an integer"), else nothing.
std::string put_scalar(const TextScalar& scalar, const google::protobuf::FieldDescriptor& field,
                       google::protobuf::Message& message);

}  // namespace lockstep
