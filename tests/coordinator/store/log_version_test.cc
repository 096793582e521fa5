// The version of the log, and what an event may say in it.
#include <fstream>
#include <string>

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "coordinator/store/known_event.h"
#include "coordinator/store/schema.h"
#include "tests/coordinator/store/raw_database.h"
#include "tests/coordinator/store/sample.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

// Of proto/event.proto, for versions 1, 2, ... of the log.
constexpr const char* kFingerprints[] = {
    "a5f48bcf762856ff",
    "5a8b51ef83a15827",
    "3494abcfc05152dd",
};

// All messages and enums of the file: names, numbers, types, labels.
std::string text_of(const google::protobuf::FileDescriptor& file) {
  std::string text;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const google::protobuf::Descriptor& message = *file.message_type(i);
    text += fmt::format("message {}\n", message.name());
    for (int j = 0; j < message.field_count(); ++j) {
      const google::protobuf::FieldDescriptor& field = *message.field(j);
      const std::string type = field.message_type() != nullptr ? field.message_type()->name()
                               : field.enum_type() != nullptr  ? field.enum_type()->name()
                                                               : std::string(field.type_name());
      text += fmt::format("  {} {} {}{}\n", field.number(), field.name(), field.is_repeated() ? "repeated " : "", type);
    }
  }
  for (int i = 0; i < file.enum_type_count(); ++i) {
    const google::protobuf::EnumDescriptor& it = *file.enum_type(i);
    text += fmt::format("enum {}\n", it.name());
    for (int j = 0; j < it.value_count(); ++j)
      text += fmt::format("  {} {}\n", it.value(j)->number(), it.value(j)->name());
  }
  return text;
}

// FNV-1a.
std::string fingerprint_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

TEST(LogVersion, EachChangeOfAnEventIsANewOne) {
  const std::string text = text_of(*proto::Event::descriptor()->file());
  EXPECT_EQ(std::size(kFingerprints), migrations().size());
  EXPECT_EQ(kFingerprints[std::size(kFingerprints) - 1], fingerprint_of(text))
      << "proto/event.proto has changed. A program that does not know the change must refuse the log: unless the "
         "newest "
         "version was never released, add a migration in coordinator/store/schema.cc. Then write the fingerprint here. "
         "The file says now:\n"
      << text;
}

// The control: a field, a kind and an enumerator more are seen.
TEST(LogVersion, TheFingerprintSeesEachChange) {
  google::protobuf::FileDescriptorProto file;
  proto::Event::descriptor()->file()->CopyTo(&file);
  const auto fingerprint = [](const google::protobuf::FileDescriptorProto& it) {
    google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
    google::protobuf::FileDescriptorProto renamed = it;
    renamed.set_name("other.proto");
    renamed.set_package("other");
    const auto* const built = pool.BuildFile(renamed);
    return built == nullptr ? "not built" : fingerprint_of(text_of(*built));
  };
  const auto rename_types = [](google::protobuf::FileDescriptorProto& it) {
    for (auto& message : *it.mutable_message_type()) {
      for (auto& field : *message.mutable_field()) {
        const std::string own = field.type_name().substr(field.type_name().rfind('.') + 1);
        if (proto::Event::descriptor()->file()->FindMessageTypeByName(own) != nullptr ||
            proto::Event::descriptor()->file()->FindEnumTypeByName(own) != nullptr) {
          field.set_type_name(".other." + own);
        }
      }
    }
  };
  rename_types(file);
  const std::string same = fingerprint(file);
  EXPECT_EQ(same, fingerprint_of(text_of(*proto::Event::descriptor()->file())));
  auto changed = file;
  auto* const field = changed.mutable_message_type(1)->add_field();
  field->set_name("more");
  field->set_number(99);
  field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_type(google::protobuf::FieldDescriptorProto::TYPE_INT32);
  EXPECT_NE(fingerprint(changed), same);
  changed = file;
  auto* const value = changed.mutable_enum_type(0)->add_value();
  value->set_name("MORE");
  value->set_number(99);
  EXPECT_NE(fingerprint(changed), same);
  changed = file;
  changed.mutable_message_type(1)->mutable_field(0)->set_number(98);
  EXPECT_NE(fingerprint(changed), same);
}

// An event of a newer program: bytes are those of the event with one more field, at one place or another.
class NewerEvent : public testing::Test {
 protected:
  // What opening, and reading, a log says that ends in this event.
  Status read_log_with(const proto::Event& event) {
    const TemporaryDirectory directory;
    const std::filesystem::path file = directory.path() / "log.sqlite";
    CHECK(commit_one(*open_store(file), commit_of({submitted("s1"), event})).ok());
    return open_store(file)->read_events(0, [](const proto::Event&) {});
  }
  static void expect_refused(const Status& status, const std::string& what) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find("event 2: " + what), std::string::npos) << status;
    EXPECT_NE(status.message().find("newer lockstep"), std::string::npos) << status;
  }
  template <typename Message>
  static void add_unknown(Message& message, int field, std::uint64_t value = 1) {
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(field, value);
  }
};

TEST_F(NewerEvent, AKindAFieldOrAnEnumeratorIsRefused) {
  EXPECT_TRUE(read_log_with(ended("s1", 0, 1)).ok()) << "the control";
  proto::Event kind = event_of("s1");
  add_unknown(kind, 99);
  expect_refused(read_log_with(kind), "Event has a field 99");
  proto::Event field = ended("s1", 0, 1);
  add_unknown(*field.mutable_attempt_ended(), 99);
  expect_refused(read_log_with(field), "AttemptEnded has a field 99");
  proto::Event enumerator = ended("s1", 0, 1);
  enumerator.mutable_attempt_ended()->clear_end();
  add_unknown(*enumerator.mutable_attempt_ended(), proto::AttemptEnded::kEndFieldNumber, 77);
  expect_refused(read_log_with(enumerator), "AttemptEnded.end has a value");
  proto::Event inside = submitted("s2");
  add_unknown(*inside.mutable_sweep_submitted()->mutable_spec()->mutable_retries(), 99);
  expect_refused(read_log_with(inside), "Retries has a field 99");
  proto::Event repeated = created("s1", 0);
  add_unknown(*repeated.mutable_trial_created()->mutable_assignment(1), 99);
  expect_refused(read_log_with(repeated), "Assignment has a field 99");
}

}  // namespace
}  // namespace lockstep
