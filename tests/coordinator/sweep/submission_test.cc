#include "coordinator/sweep/submission.h"

#include <gtest/gtest.h>

#include "coordinator/sweep/trial_job.h"
#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

std::string faults_of(proto::SweepSpec spec) {
  Faults faults;
  complete_and_check(spec, {.cores = 4, .root = "/data"}, faults);
  return std::string(faults.status("sweep").message());
}

TEST(Submission, AGoodSpecHasNoFaultAndSaysEverything) {
  const proto::SweepSpec spec = sample_spec("");
  EXPECT_EQ(faults_of(spec), "");
  EXPECT_EQ(spec.objective().direction(), proto::MAXIMIZE);
  EXPECT_TRUE(spec.search().has_random());
  EXPECT_TRUE(spec.limits().has_trials());
}

TEST(Submission, EachFaultIsNamed) {
  const auto fault = [](const std::function<void(proto::SweepSpec&)>& change) {
    proto::SweepSpec spec = sample_spec("");
    change(spec);
    return faults_of(spec);
  };
  EXPECT_NE(fault([](auto& it) { it.mutable_job()->mutable_data()->set_path("/etc/passwd"); }).find("outside /data"),
            std::string::npos);
  EXPECT_NE(
      fault([](auto& it) { it.mutable_job()->mutable_data()->set_path("/data/../etc/passwd"); }).find("outside /data"),
      std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.set_ranks(8); }).find("ranks: a trial needs 8 cores"), std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.mutable_parameter(0)->set_path("schedule.constant.rate"); }).find("parameter[0]"),
            std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.mutable_parameter(0)->mutable_float_()->set_max(-1); }).find("parameter[0]"),
            std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.mutable_scheduler()->mutable_asha()->set_min_epochs(9); }).find("scheduler"),
            std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.set_name("a\nb"); }).find("name"), std::string::npos);
  for (const char* name : {"Z\xfcrich", "\u202etxt", "\u009b"}) {
    EXPECT_NE(fault([&](auto& it) { it.set_name(name); }).find("name: has control characters, or is not UTF-8"),
              std::string::npos);
  }
  // Characters are counted, not bytes.
  const auto cats = [](int count) {
    std::string name;
    for (int i = 0; i < count; ++i) name += "\u732b";
    return name;
  };
  EXPECT_EQ(fault([&](auto& it) { it.set_name(cats(64)); }), "");
  EXPECT_NE(fault([&](auto& it) { it.set_name(cats(65)); }).find("name: more than 64 characters"), std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.set_job_file("x"); }).find("job_file"), std::string::npos);
  EXPECT_NE(fault([](auto& it) { it.clear_job(); }).find("job: is missing"), std::string::npos);
}

TEST(TrialJob, HasTheParametersAndNoUserTextInItsCommand) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 3 parallel: 3 }"));
  const Sweep& sweep = world.state().sweeps[0];
  for (const Trial& trial : sweep.trials) {
    const auto job = trial_job(sweep, trial);
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_FLOAT_EQ(job->schedule().constant().learning_rate(), float(trial.assignments[0].number()));
    EXPECT_EQ(job->optimizer().has_adam(), trial.assignments[1].choice() == "adam");
    EXPECT_EQ(trial.assignments.size(), job->optimizer().has_adam() ? 2U : 3U);
    for (const std::string& word : attempt_arguments({.trainer = "lockstep-train", .mpirun = {"mpirun"}}, "/state",
                                                     sweep, trial, trial.attempts[0])) {
      EXPECT_EQ(word.find("sample"), std::string::npos) << word;
    }
  }
}

}  // namespace
}  // namespace lockstep
