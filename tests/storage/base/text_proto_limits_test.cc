#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

// Faults of reading and of limits together, one a line.
std::string faults_of(std::string_view text) {
  proto::Job job;
  Faults faults;
  parse_text_proto(text, job, faults);
  check_limits(job, faults);
  return std::string(faults.status("job").message());
}

// "convolution, dense, ... or multiply": a new kind of layer is no change of these tests.
std::string kinds_of_layers() {
  const auto* const kind = proto::Layer::descriptor()->FindOneofByName("kind");
  const int last = kind->field_count() - 1;
  std::string text;
  for (int i = 0; i <= last; ++i) text += (i == 0 ? "" : i < last ? ", " : " or ") + kind->field(i)->name();
  return text;
}

// The rest of a job, all in its first line.
const std::string kGood = R"(data { path: "a" } model { layer { relu {} } } )";

TEST(CheckLimits, AGoodJobHasNoFaults) {
  EXPECT_EQ(faults_of(kGood), "");
  EXPECT_EQ(faults_of(kGood + "batch: 1 slices: 65536 loss { label_smoothing: 0.999 } clip_global_norm: 1e-30"), "");
}

TEST(CheckLimits, EveryBound) {
  EXPECT_EQ(faults_of(kGood + "\nslices: 0"), "job:2: slices: expected at least 1, got 0");
  EXPECT_EQ(faults_of(kGood + "\nslices: 65537"), "job:2: slices: expected at most 65536, got 65537");
  EXPECT_EQ(faults_of(kGood + "\nclip_global_norm: 0"), "job:2: clip_global_norm: expected above 0, got 0");
  EXPECT_EQ(faults_of(kGood + "\nloss { label_smoothing: 1 }"), "job:2: loss.label_smoothing: expected below 1, got 1");
  EXPECT_EQ(faults_of(kGood + "\nloss {\n label_smoothing: -0.1 }"),
            "job:3: loss.label_smoothing: expected at least 0, got -0.1");
}

TEST(CheckLimits, NumbersAreFinite) {
  EXPECT_EQ(faults_of(kGood + "clip_global_norm: nan"), "job:1: clip_global_norm: expected above 0, got nan");
  EXPECT_EQ(faults_of(kGood + "clip_global_norm: inf"), "job:1: clip_global_norm: expected a finite number, got inf");
  EXPECT_EQ(faults_of(kGood + "checkpoint { every_seconds: inf }"),
            "job:1: checkpoint.every_seconds: expected a finite number, got inf");
}

TEST(CheckLimits, EveryElementAtAnyDepth) {
  EXPECT_EQ(faults_of(R"(data { path: "a" }
model {
  layer { convolution { filters: 1 kernel: [3, 0] stride: -1 stride: 1 } }
  layer { residual { body { max_pooling { kernel: [1025,
    2, 0] } } } }
})"),
            "job:3: model.layer[0].convolution.kernel[1]: expected at least 1, got 0\n"
            "job:3: model.layer[0].convolution.stride[0]: expected at least 1, got -1\n"
            "job:4: model.layer[1].residual.body[0].max_pooling.kernel[0]: expected at most 1024, got 1025\n"
            "job:5: model.layer[1].residual.body[0].max_pooling.kernel[2]: expected at least 1, got 0");
}

TEST(CheckLimits, WhatRises) {
  const std::string start = kGood + "schedule { multi_step {\n at_epoch: ";
  EXPECT_EQ(faults_of(start + "[0, 0.5, 7] } }"), "");
  EXPECT_EQ(faults_of(start + "[2, 2]\n at_epoch: 1 at_epoch: 1.5 } }"),
            "job:2: schedule.multi_step.at_epoch[1]: expected more than the 2 before it, got 2\n"
            "job:3: schedule.multi_step.at_epoch[2]: expected more than the 2 before it, got 1");
  EXPECT_EQ(faults_of(start + "[-1, nan, -2] } }"),
            "job:2: schedule.multi_step.at_epoch[0]: expected at least 0, got -1\n"
            "job:2: schedule.multi_step.at_epoch[1]: expected at least 0, got nan\n"
            "job:2: schedule.multi_step.at_epoch[2]: expected at least 0, got -2");
  EXPECT_EQ(faults_of(kGood + "\nschedule { multi_step {} }"),
            "job:2: schedule.multi_step.at_epoch: required, but not given");
}

TEST(CheckLimits, WhatIsRequired) {
  EXPECT_EQ(faults_of(""), "job: data: required, but not given\njob: model: required, but not given");
  EXPECT_EQ(faults_of("data {}\nmodel {\n layer { name: \"x\" }\n layer { convolution { kernel: [] } }\n"
                      " layer { residual {} } }"),
            "job:1: data.path: required, but not given\n"
            "job:3: model.layer[0]: expected one of " +
                kinds_of_layers() +
                ", got none\n"
                "job:4: model.layer[1].convolution.filters: required, but not given\n"
                "job:4: model.layer[1].convolution.kernel: required, but not given\n"
                "job:5: model.layer[2].residual.body: required, but not given");
}

TEST(CheckLimits, WhatCouldNotBeReadIsNotCalledMissing) {
  EXPECT_EQ(
      faults_of("data { path: 5 }\nmodel { layer { reluu {} } layer { convolution { filters: 1 kernel: [x] } } }"),
      "job:1: data.path: expected a string in quotes, got 5\n"
      "job:2: model.layer[0]: no field \"reluu\" in Layer; nearest: \"relu\"\n"
      "job:2: model.layer[1].convolution.kernel[0]: expected an integer, got x");
  EXPECT_EQ(faults_of("slices: 0\ndata {"),
            "job:1: slices: expected at least 1, got 0\n"
            "job:2: data: expected a field name or \"}\", got the end of the text");
}

}  // namespace
}  // namespace lockstep
