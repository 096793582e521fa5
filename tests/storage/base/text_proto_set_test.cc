#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

constexpr std::string_view kJob = R"(name: "old"
batch: 64
model {
  layer { dense { units: 10 } }
  layer { convolution { filters: 4 kernel: [3, 5] padding: SAME } }
}
optimizer { sgd { momentum: 0.5 } }
)";

class SetByPath : public testing::Test {
 protected:
  void SetUp() override { parse_text_proto(kJob, job_, faults_); }

  void set(std::string_view assignment) { set_by_path(assignment, job_, faults_); }
  void expect_no_faults() { EXPECT_TRUE(faults_.empty()) << faults_.status("job"); }
  // Sets what is wrong, and gives what is said about it.
  std::string fault(std::string_view assignment) {
    Faults faults;
    set_by_path(assignment, job_, faults);
    return std::string(faults.status("job").message());
  }

  proto::Job job_;
  Faults faults_;
};

TEST_F(SetByPath, Scalars) {
  set("batch=128");
  set("seed=7");
  set("optimizer.sgd.momentum=0.25");
  set("optimizer.sgd.nesterov=true");
  set("model.initialization=XAVIER");
  set("execution.hang_timeout_seconds=1.5");
  expect_no_faults();
  EXPECT_EQ(job_.batch(), 128);
  EXPECT_EQ(job_.seed(), 7U);
  EXPECT_EQ(job_.optimizer().sgd().momentum(), 0.25F);
  EXPECT_TRUE(job_.optimizer().sgd().nesterov());
  EXPECT_EQ(job_.model().initialization(), proto::XAVIER);
  EXPECT_EQ(job_.execution().hang_timeout_seconds(), 1.5);
}

TEST_F(SetByPath, StringsWithAndWithoutQuotes) {
  set("data.path=/data/a b=c.h5");
  EXPECT_EQ(job_.data().path(), "/data/a b=c.h5");
  set(R"(name="a \"b\"")");
  EXPECT_EQ(job_.name(), "a \"b\"");
  set("name=");
  EXPECT_EQ(job_.name(), "");
  expect_no_faults();
}

TEST_F(SetByPath, Elements) {
  set("model.layer[0].dense.units=3");
  set("model.layer[1].convolution.kernel[0]=7");
  set("model.layer[1].name=first");
  expect_no_faults();
  EXPECT_EQ(job_.model().layer(0).dense().units(), 3);
  EXPECT_EQ(job_.model().layer(1).name(), "first");
  EXPECT_EQ(job_.model().layer(1).convolution().kernel(0), 7);
  EXPECT_EQ(job_.model().layer(1).convolution().kernel(1), 5);
  set("model.layer[0]={ relu {} }");
  expect_no_faults();
  ASSERT_EQ(job_.model().layer_size(), 2);
  EXPECT_TRUE(job_.model().layer(0).has_relu());
  EXPECT_TRUE(job_.model().layer(1).has_convolution());
}

// At the index behind the last.
TEST_F(SetByPath, AddsAnElement) {
  set(R"(parameters[0]={ match: "first/*" frozen: true })");
  set("parameters[0].rate_scale=0.5");
  set(R"(parameters[1]={ match: "*" })");
  set("model.layer[2]={ flatten {} }");
  set("model.layer[1].convolution.kernel[2]=9");
  expect_no_faults();
  ASSERT_EQ(job_.parameters_size(), 2);
  EXPECT_EQ(job_.parameters(0).match(), "first/*");
  EXPECT_EQ(job_.parameters(0).rate_scale(), 0.5F);
  EXPECT_EQ(job_.parameters(1).match(), "*");
  ASSERT_EQ(job_.model().layer_size(), 3);
  EXPECT_TRUE(job_.model().layer(2).has_flatten());
  EXPECT_EQ(job_.model().layer(1).convolution().kernel(2), 9);
}

TEST_F(SetByPath, WholeMessagesAndListsReplace) {
  set("model.layer[1].convolution.kernel=[1, 1, 1]");
  set("optimizer={ weight_decay: 1 }");
  set("schedule={cosine {}}");
  expect_no_faults();
  EXPECT_EQ(job_.model().layer(1).convolution().kernel_size(), 3);
  EXPECT_FALSE(job_.optimizer().has_sgd());
  EXPECT_EQ(job_.optimizer().weight_decay(), 1);
  EXPECT_TRUE(job_.schedule().has_cosine());
  set("model.layer[1].convolution.kernel=2");
  set("model.layer=[{ relu {} }, { flatten {} }, { dense {} }]");
  expect_no_faults();
  EXPECT_EQ(job_.model().layer_size(), 3);
}

TEST_F(SetByPath, ChoosesTheAlternativeOfAOneof) {
  set("optimizer.adam.beta1=0.8");
  set("model.layer[1].convolution.padding_pixels=2");
  expect_no_faults();
  EXPECT_TRUE(job_.optimizer().has_adam());
  EXPECT_FALSE(job_.optimizer().has_sgd());
  EXPECT_FALSE(job_.model().layer(1).convolution().has_padding());
}

TEST_F(SetByPath, FaultsNameTheNearest) {
  EXPECT_EQ(fault("bach=3"), "--set: no field \"bach\" in Job; nearest: \"batch\"");
  EXPECT_EQ(fault("optimizer.sgd.momentun=3"),
            "--set: optimizer.sgd: no field \"momentun\" in Sgd; nearest: \"momentum\"");
  EXPECT_EQ(fault("model.initialization=HEE"), "--set: model.initialization: expected HE or XAVIER, got HEE");
  EXPECT_EQ(fault("schedule={cosin {}}"), "--set: schedule: no field \"cosin\" in Schedule; nearest: \"cosine\"");
}

TEST_F(SetByPath, FaultsOfForm) {
  EXPECT_EQ(fault("batch"), "--set: expected PATH=VALUE, got \"batch\"");
  EXPECT_EQ(fault("=3"), "--set: expected PATH=VALUE, got \"=3\"");
  EXPECT_EQ(fault("batch=x"), "--set: batch: expected an integer, got x");
  EXPECT_EQ(fault("batch="), "--set: batch: expected a value, got the end of the text");
  EXPECT_EQ(fault("batch=3 4"), "--set: batch: expected nothing more, got \"4\"");
  EXPECT_EQ(fault("batch.size=3"), "--set: batch: expected the end of the path: it has no fields");
  EXPECT_EQ(fault("batch[0]=3"), "--set: batch: expected no [INDEX]: it is not repeated");
  EXPECT_EQ(fault("model.layer.name=x"), "--set: model.layer: expected an [INDEX], as in layer[0]");
  EXPECT_EQ(fault("model.layer[2].name=x"),
            "--set: model.layer: expected an index below 2, got 2; model.layer[2]=VALUE adds one");
  EXPECT_EQ(fault("model.layer[3]={ relu {} }"),
            "--set: model.layer: expected an index below 2, got 3; model.layer[2]=VALUE adds one");
  EXPECT_EQ(fault("model..layer=x"), "--set: model: no field \"\" in Model");
  for (const char* path : {"model.layer[=x", "model.layer[x]=x", "model.layer[-1]=x", "model.layer[0=x",
                           "model.layer[]=x", "model.layer[0]x=x", "model.layer[99999999999]=x"}) {
    EXPECT_EQ(fault(path), "--set: model: expected NAME or NAME[INDEX] between the dots") << path;
  }
  EXPECT_EQ(fault("model.layer[0]=5"), "--set: model.layer[0]: expected { fields of Layer }, got 5");
  EXPECT_EQ(fault("model.layer[1].convolution.kernel[0]=x"),
            "--set: model.layer[1].convolution.kernel[0]: expected an integer, got x");
  EXPECT_EQ(job_.model().layer_size(), 2);
  EXPECT_EQ(job_.model().layer(1).convolution().kernel_size(), 2);
}

// What is said of the last of several.
std::string undone(const std::vector<std::string>& assignments) {
  proto::Job job;
  Faults faults;
  parse_text_proto(kJob, job, faults);
  set_all_by_path(assignments, job, faults);
  return std::string(faults.status("job").message());
}

TEST(SetAllByPath, EachHoldsWhenAllAreMade) {
  EXPECT_EQ(undone({"batch=32", "seed=1", "optimizer.sgd.momentum=0.1", "optimizer.sgd.nesterov=true"}), "");
  // A message, then more of it; the same again; an element, then another one.
  EXPECT_EQ(undone({"optimizer={adam {}}", "optimizer.adam.beta1=0.5", "optimizer.weight_decay=1"}), "");
  EXPECT_EQ(undone({"data.augmentation={}", "data.augmentation.random_crop.padding=2"}), "");
  EXPECT_EQ(undone({"batch=32", "batch=32"}), "");
  EXPECT_EQ(undone({"optimizer.adam.beta1=0.5", "optimizer={adam {beta1: 0.5 beta2: 0.6}}"}), "");
  EXPECT_EQ(undone({"model.layer[0].dense.units=3", "model.layer[1].convolution.filters=5"}), "");
  EXPECT_EQ(undone({"model.layer[1].convolution.kernel=[2, 2]", "model.layer[1].convolution.kernel[1]=2"}), "");
  EXPECT_EQ(undone({"parameters[0]={match: \"a\"}", "parameters[1]={match: \"b\"}"}), "");
}

TEST(SetAllByPath, OneThatUndoesAnotherIsAFault) {
  EXPECT_EQ(
      undone({"optimizer.adam.beta1=0.8", "epochs=1", "optimizer.sgd.momentum=0.5"}),
      "--set: optimizer.sgd.momentum: undoes optimizer.adam.beta1, which is set before it: give only one of the two");
  EXPECT_EQ(undone({"batch=32", "batch=64"}), "--set: batch: set twice, to different values: give it once");
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"optimizer.sgd.momentum=0.5", "optimizer.sgd={}"},
      {"optimizer.sgd.momentum=0.5", "optimizer={sgd {nesterov: true}}"},
      {"optimizer={sgd {momentum: 0.1}}", "optimizer.sgd.momentum=0.2"},
      {"optimizer={sgd {}}", "optimizer.adam={}"},
      {"schedule={cosine {}}", "schedule.constant.learning_rate=1"},
      {"model.layer[1].convolution.padding=SAME", "model.layer[1].convolution.padding_pixels=2"},
      {"model.layer[0].dense.units=3", "model.layer[0]={ relu {} }"},
      {"model.layer[0].dense.units=3", "model.layer=[{ dense { units: 4 } }]"},
      {"model.layer[1].convolution.kernel=[1, 2]", "model.layer[1].convolution.kernel=[1, 2, 3]"},
      {"model.layer[1].convolution.kernel=[1, 2]", "model.layer[1].convolution.kernel[0]=2"},
      {"parameters[0]={match: \"a\"}", "parameters={match: \"b\"}"},
      {"data.path=a.h5", "data.path=\"b.h5\""},
      {"data.path=a.h5", "data={ train: \"x\" }"},
  };
  for (const auto& [first, second] : pairs) {
    EXPECT_NE(undone({first, second}), "") << first << ' ' << second;
    EXPECT_EQ(undone({first}), "") << first;
    EXPECT_EQ(undone({second}), "") << second;
  }
}

TEST_F(SetByPath, LaterFaultsAreThoseOfTheCommandLine) {
  set("batch=0");
  set("model.layer[0]={ dense { units: 0 } }");
  set("model.layer[1].convolution.kernel[1]=0");
  check_limits(job_, faults_);
  EXPECT_EQ(std::string(faults_.status("job").message()),
            "--set: model.layer[0].dense.units: expected at least 1, got 0\n"
            "--set: model.layer[1].convolution.kernel[1]: expected at least 1, got 0\n"
            "--set: batch: expected at least 1, got 0\n"
            "job: data: required, but not given");
}

}  // namespace
}  // namespace lockstep
