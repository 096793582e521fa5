#include "storage/base/text_proto_setting.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include <google/protobuf/text_format.h>

#include "storage/base/text_proto.h"
#include "storage/base/text_proto_reader.h"

namespace lockstep {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::optional<PathStep> take_step(std::string_view& path) {
  const std::size_t end = path.find('.');
  std::string_view text = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
  const std::size_t bracket = text.find('[');
  if (bracket == std::string_view::npos) return PathStep{text, std::nullopt};
  int index = 0;
  const char* const last = text.data() + text.size() - 1;
  const auto [rest, error] = std::from_chars(text.data() + bracket + 1, last, index);
  if (error != std::errc() || rest != last || *last != ']' || index < 0) return std::nullopt;
  return PathStep{text.substr(0, bracket), index};
}

std::optional<Setting> Setting::of(std::string_view assignment, const Descriptor& type) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  Setting setting;
  const Descriptor* at = &type;
  for (std::string_view steps = assignment.substr(0, equals); !steps.empty();) {
    const std::optional<PathStep> step = take_step(steps);
    const FieldDescriptor* const field =
        step.has_value() && at != nullptr ? at->FindFieldByName(std::string(step->name)) : nullptr;
    if (field == nullptr || (step->index.has_value() && !field->is_repeated())) return std::nullopt;
    setting.path_ = inside(setting.path_, *field, step->index.value_or(-1));
    at = field->message_type();
  }
  const FieldDescriptor& field = *setting.path_.steps.back().field;
  const std::string_view value = assignment.substr(equals + 1);
  const std::unique_ptr<Message> holder(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(field.containing_type())->New());
  const Reflection& reflection = *holder->GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field.is_repeated() && !value.starts_with('"')) {
    reflection.SetString(holder.get(), &field, std::string(value));
  } else {
    Faults ignored;
    TextProtoReader(value, Faults::kFromCommandLine, ignored).read_value(*holder, field, "");
  }
  if (!field.is_repeated()) {
    if (reflection.HasField(*holder, &field)) setting.add_given(*holder, field, -1, setting.path_);
  } else {
    const bool one = setting.path_.steps.back().index >= 0;
    for (int i = 0; i < reflection.FieldSize(*holder, &field); ++i) {
      Place place = setting.path_;
      if (!one) {
        place.steps.back().index = i;
        place.text = path_of(place.text, i);
      }
      setting.add_given(*holder, field, i, std::move(place));
    }
  }
  setting.all_values_.insert(setting.values_.begin(), setting.values_.end());
  return setting;
}

Setting::Place Setting::inside(const Place& place, const FieldDescriptor& field, int index) {
  Place result = place;
  result.steps.push_back({&field, index});
  result.text = path_of(result.text, field.name());
  if (index >= 0) result.text = path_of(result.text, index);
  return result;
}

void Setting::add_given(const Message& message, const FieldDescriptor& field, int element, Place place) {
  std::string value = "{}";
  const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!is_message) google::protobuf::TextFormat::PrintFieldValueToString(message, &field, element, &value);
  values_.push_back(place.text + "=" + value);
  given_.push_back(place);
  if (!is_message) return;
  const Reflection& reflection = *message.GetReflection();
  const Message& inner =
      element < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, element);
  std::vector<const FieldDescriptor*> fields;
  inner.GetReflection()->ListFields(inner, &fields);
  for (const FieldDescriptor* const it : fields) {
    const int size = it->is_repeated() ? inner.GetReflection()->FieldSize(inner, it) : 1;
    for (int i = 0; i < size; ++i) {
      const int index = it->is_repeated() ? i : -1;
      add_given(inner, *it, index, inside(place, *it, index));
    }
  }
}

std::vector<std::string> Setting::fields() const {
  std::vector<std::string> texts{path_.text};
  for (const Place& place : given_) texts.push_back(place.text);
  return texts;
}

std::map<std::string, std::string> Setting::alternatives_in(const Message& message) const {
  std::map<std::string, std::string> found;
  const auto follow = [&](const Place& place) {
    const Message* at = &message;
    std::string path;
    for (const Step& step : place.steps) {
      const auto* const oneof = step.field->containing_oneof();
      const Reflection* const reflection = at == nullptr ? nullptr : at->GetReflection();
      if (oneof != nullptr) {
        const bool has = reflection != nullptr && reflection->HasOneof(*at, oneof);
        found[path_of(path, oneof->name())] =
            has ? path_of(path, reflection->GetOneofFieldDescriptor(*at, oneof)->name()) : "";
      }
      path = path_of(path, step.field->name());
      if (step.index >= 0) path = path_of(path, step.index);
      const bool goes_on = at != nullptr && step.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      if (!goes_on || (step.field->is_repeated() && step.index < 0)) {
        at = nullptr;
      } else if (step.field->is_repeated()) {
        const bool is_there = step.index < reflection->FieldSize(*at, step.field);
        at = is_there ? &reflection->GetRepeatedMessage(*at, step.field, step.index) : nullptr;
      } else {
        at = reflection->HasField(*at, step.field) ? &reflection->GetMessage(*at, step.field) : nullptr;
      }
    }
  };
  follow(path_);
  for (const Place& place : given_) follow(place);
  return found;
}

Setting::Relation Setting::relation(const Place& first, const Place& second) {
  const std::size_t common = std::min(first.steps.size(), second.steps.size());
  for (std::size_t i = 0; i < common; ++i) {
    const Step& a = first.steps[i];
    const Step& b = second.steps[i];
    if (a.field != b.field) {
      const auto* const oneof = a.field->containing_oneof();
      return oneof != nullptr && oneof == b.field->containing_oneof() ? Relation::kAlternatives : Relation::kApart;
    }
    if (a.index == b.index) continue;
    if (a.index < 0) return Relation::kSecondInFirst;  // all of a repeated field, and an element
    if (b.index < 0) return Relation::kFirstInSecond;
    return Relation::kApart;
  }
  if (first.steps.size() == second.steps.size()) return Relation::kSame;
  return first.steps.size() < second.steps.size() ? Relation::kSecondInFirst : Relation::kFirstInSecond;
}

std::string Setting::undone(const Setting& earlier) const {
  const Relation paths = relation(earlier.path_, path_);
  if (paths == Relation::kApart) return "";
  if (paths == Relation::kAlternatives) return earlier.path();
  if (paths == Relation::kSame) return values_ != earlier.values_ ? path() : "";
  for (std::size_t i = 0; i < earlier.given_.size(); ++i) {
    const Relation lies = relation(earlier.given_[i], path_);
    const bool replaced = lies == Relation::kSame || lies == Relation::kFirstInSecond;
    const bool is_gone = replaced && !all_values_.contains(earlier.values_[i]);
    if (is_gone || lies == Relation::kAlternatives) return earlier.given_[i].text;
  }
  return "";
}

bool Setting::overlaps(const Setting& other) const {
  const Relation paths = relation(path_, other.path_);
  return paths != Relation::kApart && paths != Relation::kAlternatives;
}

}  // namespace lockstep
