#include "storage/base/text_proto.h"

#include <algorithm>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/error.pb.h"
#include "proto/job.pb.h"
#include "storage/base/file.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;

// Faults of a job, one a line, with "job" for the file's name.
std::string faults_of(std::string_view text) {
  proto::Job job;
  Faults faults;
  parse_text_proto(text, job, faults);
  return std::string(faults.status("job").message());
}

TEST(TextProto, TenFaultsAtOnceEachAtItsLine) {
  EXPECT_EQ(faults_of(R"(bach: 4
data {
  path: 5
  tail:
    DORP
}
model {
  layer { convolution { filters: many kernel: [x, 3] } }
  layer { convolutoin { filters: [{ a: 4 }, -2] } name: "c" "d" }
  layer { dense {} relu {} }
}
optimizer { sgd { nesterov: yes momentun: -0.5 } weight_decay: "0" }
epochs: 3
epochs: 4
seed: -1
loss: 5
batch: 99999999999
slices: 4
)"),
            R"(job:1: no field "bach" in Job; nearest: "batch"
job:3: data.path: expected a string in quotes, got 5
job:5: data.tail: expected DROP or WRAP, got DORP
job:8: model.layer[0].convolution.filters: expected an integer, got many
job:8: model.layer[0].convolution.kernel[0]: expected an integer, got x
job:9: model.layer[1]: no field "convolutoin" in Layer; nearest: "convolution"
job:10: model.layer[2].relu: expected either this or "dense", got both
job:12: optimizer.sgd.nesterov: expected true or false, got yes
job:12: optimizer.sgd: no field "momentun" in Sgd; nearest: "momentum"
job:12: optimizer.weight_decay: expected a decimal number, got "0"
job:14: epochs: given twice, first in line 13
job:15: seed: expected an integer from 0 to 18446744073709551615, got -1
job:16: loss: expected { fields of Loss }, got 5
job:17: batch: expected an integer from -2147483648 to 2147483647, got 99999999999)");
}

TEST(TextProto, LeadingZerosAreRefusedForProtobufReadsThemAsOctal) {
  EXPECT_EQ(faults_of("epochs: 010"), "job:1: epochs: expected an integer without leading zeros, got 010");
  EXPECT_EQ(faults_of("epochs: -010 seed: 00"),
            "job:1: epochs: expected an integer without leading zeros, got -010\n"
            "job:1: seed: expected an integer without leading zeros, got 00");
  EXPECT_EQ(faults_of("schedule { constant { learning_rate: 010 } }"),
            "job:1: schedule.constant.learning_rate: expected a decimal number, got 010");
  EXPECT_EQ(faults_of("epochs: 0x1F batch: 0 schedule { constant { learning_rate: 0.5 } }"), "");
}

TEST(TextProto, FilesOfWindowsAreRead) {
  proto::Job job;
  Faults faults;
  parse_text_proto("\xef\xbb\xbfname: \"a\" # mark\r\nepochs: 3\r\nmodel {\r\n}\r\n", job, faults);
  EXPECT_TRUE(faults.empty()) << faults.status("job");
  EXPECT_EQ(job.name(), "a");
  EXPECT_EQ(job.epochs(), 3);
  EXPECT_EQ(faults_of(std::string_view("\xff\xfe"
                                       "e\0p\0",
                                       6)),
            "job:1: expected text in UTF-8, got UTF-16; save it again as UTF-8");
}

TEST(TextProto, WhatSurroundsAFaultIsRead) {
  proto::Job job;
  Faults faults;
  parse_text_proto("epochs: 3 bach { a: [1, 2] b { c: 'd' 'e' } } batch: x slices: 4", job, faults);
  EXPECT_FALSE(faults.empty());
  EXPECT_TRUE(faults.complete());
  EXPECT_EQ(job.epochs(), 3);
  EXPECT_EQ(job.slices(), 4);
  EXPECT_FALSE(job.has_batch());
}

TEST(TextProto, SyntaxEndsTheReadingAndKeepsEarlierFaults) {
  EXPECT_EQ(faults_of("bach: 4\nmodel {\n  layer {\n"),
            "job:1: no field \"bach\" in Job; nearest: \"batch\"\n"
            "job:4: model.layer[0]: expected a field name or \"}\", got the end of the text");
  EXPECT_EQ(faults_of("epochs 4"), "job:1: epochs: expected \":\", got \"4\"");
  EXPECT_EQ(faults_of("\nepochs: }"), "job:2: epochs: expected a value, got \"}\"");
  EXPECT_EQ(faults_of("bach: }"),
            "job:1: no field \"bach\" in Job; nearest: \"batch\"\njob:1: expected a value, got \"}\"");
  EXPECT_EQ(faults_of("model { layer [ {} {} ] }"), "job:1: model.layer: expected \",\" or \"]\", got \"{\"");
  EXPECT_EQ(faults_of("bach { a: ["),
            "job:1: no field \"bach\" in Job; nearest: \"batch\"\n"
            "job:1: expected a closing bracket, got the end of the text");
  EXPECT_EQ(faults_of("} epochs: 4"), "job:1: expected a field name, got \"}\"");
  EXPECT_EQ(faults_of("loss { >"), "job:1: loss: expected a field name or \"}\", got \">\"");
  EXPECT_EQ(faults_of("name: \"open\nseed: 1"), "job:1: String literals cannot cross line boundaries.");
}

TEST(TextProto, NestingIsLimited) {
  const auto nested = [](int residuals) {
    std::string text = "relu {}";
    for (int i = 0; i < residuals; ++i) text = "residual { body { " + text + " } }";
    return "model { layer { " + text + " } }";
  };
  EXPECT_EQ(faults_of(nested(30)), "");
  EXPECT_NE(faults_of(nested(32)).find("expected messages nested at most 64 deep"), std::string::npos);
  // What is skipped does not nest at all.
  const std::string deep = "bach " + std::string(100000, '{') + std::string(100000, '}');
  EXPECT_EQ(faults_of(deep), "job:1: no field \"bach\" in Job; nearest: \"batch\"");
}

// The reader against protobuf's own: what both admit means the same.
TEST(TextProto, MeansWhatProtobufMeans) {
  for (const char* text : {
           "",
           "# a comment\nname: 'x' \"y\\n\\x41\\101\\\"\" # another\n",
           "epochs: 0x10; slices: 8, batch: -0 seed: 18446744073709551615",
           "optimizer { weight_decay: 5e-4 sgd: { momentum: .5 nesterov: true } }",
           "optimizer < adam < beta1: 1 beta2: -1.5f epsilon: inf > >",
           "optimizer { weight_decay: -inf } loss { label_smoothing: 16777217 }",
           "model { layer { convolution { kernel: 3 kernel: [4, 5] stride: [] padding: SAME } } layer { relu {} } }",
           "model { layer [{ relu {} }, < flatten {} >] initialization: XAVIER }",
           "checkpoint { every_seconds: 1e300 keep_last: -2147483648 }",
       }) {
    proto::Job ours;
    proto::Job theirs;
    Faults faults;
    parse_text_proto(text, ours, faults);
    EXPECT_TRUE(faults.empty()) << text << ": " << faults.status("job");
    ASSERT_TRUE(TextFormat::ParseFromString(text, &theirs)) << text;
    EXPECT_TRUE(MessageDifferencer::Equals(ours, theirs)) << text << "\n" << ours.DebugString();
    Faults again;
    parse_text_proto(theirs.DebugString(), ours, again);
    EXPECT_TRUE(again.empty() && MessageDifferencer::Equals(ours, theirs)) << text;
  }
}

struct Silence : google::protobuf::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
};

TEST(TextProto, RefusesWhatProtobufRefuses) {
  for (const char* text :
       {"epochs: 1.5", "epochs: [1]", "epochs: 2147483648", "seed: -1", "loss { label_smoothing: 010 }", "name: x",
        "name: \"x", "bach: 1", "optimizer { sgd {} adam {} }", "model { layer {} ", "epochs: 1 epochs: 1",
        "[lockstep.unknown]: 1", "data { tail: 7 }", "epochs: - x", "\x01"}) {
    proto::Job theirs;
    EXPECT_NE(faults_of(text), "") << text;
    TextFormat::Parser parser;
    Silence silence;
    parser.RecordErrorsTo(&silence);
    EXPECT_FALSE(parser.ParseFromString(text, &theirs)) << text;
  }
}

TEST(TextProto, ReadsFiles) {
  const TemporaryDirectory directory;
  const std::vector<std::string_view> parts = {"epochs: 3\nbatch: x"};
  ASSERT_TRUE(write_file_atomically(directory / "job.pbtxt", parts).ok());
  proto::Job job;
  job.set_slices(4);
  Faults faults;
  ASSERT_TRUE(read_text_proto(directory / "job.pbtxt", job, faults).ok());
  EXPECT_EQ(job.epochs(), 3);
  EXPECT_FALSE(job.has_slices());
  EXPECT_EQ(faults.status("job.pbtxt").message(), "job.pbtxt:2: batch: expected an integer, got x");

  const Status missing = read_text_proto(directory / "none", job, faults);
  EXPECT_EQ(exit_code(missing), 2);
  EXPECT_NE(std::string(missing.message()).find("no such file"), std::string::npos) << missing;
  const std::string large((1 << 20) + 1, ' ');
  const std::vector<std::string_view> large_parts = {large};
  ASSERT_TRUE(write_file_atomically(directory / "large", large_parts).ok());
  EXPECT_EQ(exit_code(read_text_proto(directory / "large", job, faults)), 2);
}

TEST(Faults, LinesAreThoseOfTheNearestEnclosingField) {
  proto::Job job;
  Faults faults;
  parse_text_proto("data {\n}\nmodel {\n  layer {}\n  layer {\n    convolution { kernel: [3,\n 5] }\n  }\n}", job,
                   faults);
  EXPECT_TRUE(faults.status("job").ok());
  faults.add("seed", "a");
  faults.add("model.layer[1].convolution.kernel[1]", "b");
  faults.add("model.layer[1].convolution.kernel[7]", "c");
  faults.add("model.layer[1].convolution.filters", "d");
  faults.add("model.layer[0]", "e");
  faults.add("data.path", "f");
  faults.add_at(2, "data", "g");
  const Status status = faults.status("job");
  EXPECT_EQ(status.message(),
            "job: seed: a\n"
            "job:1: data.path: f\n"
            "job:2: data: g\n"
            "job:4: model.layer[0]: e\n"
            "job:6: model.layer[1].convolution.kernel[7]: c\n"
            "job:6: model.layer[1].convolution.filters: d\n"
            "job:7: model.layer[1].convolution.kernel[1]: b");
  proto::BadRequest carried;
  for (const Status& it : {status, with_context(status, "outside")}) {
    const auto payload = it.GetPayload({kFaultsPayload.data(), kFaultsPayload.size()});
    ASSERT_TRUE(payload && carried.ParseFromString(std::string(*payload)));
    ASSERT_EQ(carried.field_violations_size(), 7);
    EXPECT_EQ(carried.field_violations(6).field(), "model.layer[1].convolution.kernel[1]");
    EXPECT_EQ(carried.field_violations(6).description(), "b");
  }
}

TEST(Faults, HaveALimit) {
  Faults faults;
  for (std::size_t i = 0; i < Faults::kMost + 3; ++i) faults.add("batch", "x");
  const std::string text(faults.status("job").message());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<std::ptrdiff_t>(Faults::kMost));
  EXPECT_TRUE(text.ends_with("\njob: and 3 more")) << text.substr(text.size() - 100);
}

TEST(Nearest, IsNearOrEmpty) {
  const std::vector<std::string> names = {"batch", "slices", "epochs", "learning_rate"};
  EXPECT_EQ(nearest("bach", names), "batch");
  EXPECT_EQ(nearest("batch", names), "batch");
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("leaning_rates", names), "learning_rate");
  EXPECT_EQ(nearest("bacth", names), "batch");
  EXPECT_EQ(nearest("lr", names), "");
  EXPECT_EQ(nearest("x", {"y", "xy"}), "") << "of names so short that nothing is left of one";
  EXPECT_EQ(nearest("in", {"on"}), "");
  EXPECT_EQ(nearest("in", {"inn"}), "inn");
  EXPECT_EQ(nearest("a", {"b", "a"}), "a");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("batch", {}), "");
}

}  // namespace
}  // namespace lockstep
