#include "coordinator/sweep/submission.h"

#include <cmath>
#include <string>
#include <utility>

#include <google/protobuf/text_format.h>
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

// The faults of a spec with these parameters and nothing else of note; `job` goes into its base job.
std::string faults_with(const std::string& parameters, const std::string& job = "") {
  proto::SweepSpec spec;
  Faults faults;
  parse_text_proto(R"(name: "sample"
    job { name: "job" data { path: "/data/rows.h5" } model { layer { dense { units: 10 } } layer { relu {} } } epochs: 9
          schedule { constant { learning_rate: 0.1 } } optimizer { sgd {} } )" +
                       job + " } " + parameters,
                   spec, faults);
  EXPECT_TRUE(faults.empty()) << faults.status("spec");
  return faults_of(spec);
}

TEST(Submission, TheObjectiveIsAnyOneMetric) {
  const auto completed = [](const std::string& objective, const std::string& job = "") {
    proto::SweepSpec spec = sample_spec("");
    spec.clear_objective();
    Faults faults;
    parse_text_proto(objective, *spec.mutable_objective(), faults);
    proto::Job more;
    google::protobuf::TextFormat::ParseFromString(job, &more);
    spec.mutable_job()->MergeFrom(more);
    EXPECT_TRUE(faults.empty());
    complete_and_check(spec, {.cores = 4, .root = "/data"}, faults);
    return std::pair(spec, std::string(faults.status("sweep").message()));
  };
  for (const auto& [name, direction] : {std::pair("macro_f1", proto::MAXIMIZE), std::pair("loss", proto::MINIMIZE),
                                        std::pair("absolute_error/age", proto::MINIMIZE)}) {
    const bool is_number = std::string(name) == "absolute_error/age";
    const auto [spec, faults] = completed(fmt::format("metric_name: '{}'", name), is_number ? "loss { huber {} }" : "");
    EXPECT_EQ(faults, "");
    EXPECT_EQ(objective_name(spec.objective()), name);
    EXPECT_EQ(spec.objective().direction(), direction);
    EXPECT_EQ(spec.job().evaluate().metric_size(), std::string(name) == "loss" ? 0 : 1) << "the job tells it";
  }
  EXPECT_EQ(completed("metric_name: 'loss' direction: MAXIMIZE").first.objective().direction(), proto::MAXIMIZE);
  EXPECT_EQ(objective_name(completed("metric: LOSS").first.objective()), "loss");
  EXPECT_EQ(objective_name(completed("").first.objective()), "accuracy");
  const auto expect_words = [&](const std::string& objective, const std::string& job, const char* words) {
    const std::string faults = completed(objective, job).second;
    EXPECT_NE(faults.find(words), std::string::npos) << faults;
  };
  expect_words("metric_name: 'acuracy'", "", "objective.metric_name: there is no metric \"acuracy\"");
  expect_words("metric_name: 'f1'", "", "objective.metric_name: f1 is a value each");
  expect_words("metric_name: 'macro_f1'", "evaluate { metric: 'accuracy' }",
               "job.evaluate.metric: expected the metric");
  const auto [covered, no_fault] = completed("metric_name: 'f1/a'", "evaluate { metric: ['accuracy', 'f1'] }");
  EXPECT_EQ(no_fault, "");
  EXPECT_EQ(covered.job().evaluate().metric(2), "f1/a") << "so that the trainer sees whether there is one";
  // What is optimized where nothing is said.
  EXPECT_EQ(objective_name(completed("", "loss { binary_cross_entropy {} }").first.objective()),
            "mean_average_precision");
  EXPECT_EQ(objective_name(completed("", "loss { pixel_cross_entropy {} }").first.objective()), "mean_iou");
  expect_words("metric: ACCURACY", "loss { huber {} }", "objective.metric: accuracy is of one class a row");
  expect_words("metric_name: 'f1/a'", "loss { huber {} }", "objective.metric_name: f1/a is of one class a row");
  expect_words("", "evaluate { every_epochs: 2 }", "job.evaluate.every_epochs: expected 1 in a sweep");
  expect_words("", "evaluate { every_steps: 5 }", "job.evaluate.every_steps: expected 0 in a sweep");
}

TEST(Submission, AMetricIsFoundByName) {
  proto::Evaluated evaluation;
  evaluation.set_loss(2);
  EXPECT_TRUE(std::isnan(metric_of(evaluation, "accuracy")));
  evaluation.set_accuracy(0.5);
  proto::MetricValue& metric = *evaluation.add_metric();
  metric.set_name("f1/a");
  metric.set_value(0.25);
  EXPECT_EQ(metric_of(evaluation, "loss"), 2);
  EXPECT_EQ(metric_of(evaluation, "accuracy"), 0.5);
  EXPECT_EQ(metric_of(evaluation, "f1/a"), 0.25);
  EXPECT_TRUE(std::isnan(metric_of(evaluation, "f1/b")));
}

std::string number(const std::string& name, const std::string& path, const std::string& domain,
                   const std::string& condition = "") {
  return fmt::format("parameter {{ name: '{}' path: '{}' {} {} }} ", name, path, domain, condition);
}

std::string choices(const std::string& name, const std::vector<std::string>& sets, const std::string& condition = "") {
  std::string text = fmt::format("parameter {{ name: '{}' categorical {{ ", name);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    text +=
        fmt::format("choice {{ name: '{}{}' {} }} ", name, i, sets[i].empty() ? "" : fmt::format("set: '{}'", sets[i]));
  }
  return text + "} " + condition + " } ";
}

std::string when(const std::string& parameter, const std::string& choice) {
  return fmt::format("condition {{ parameter: '{}' is: '{}' }}", parameter, choice);
}

void expect_fault(const std::string& faults, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(faults.find(word), std::string::npos) << word << "\nin: " << faults;
}

const std::string kMomentum = number("m", "optimizer.sgd.momentum", "float { min: 0.1 max: 0.9 }");

TEST(Submission, AnAssignmentThatUndoesAnotherOneIsRefused) {
  const std::string kind = choices("k", {"optimizer.sgd.nesterov=true", "optimizer.adam.beta1=0.8"});
  expect_fault(faults_with(kind + kMomentum),
               {"parameter[1]", "optimizer.sgd.momentum", "optimizer.adam.beta1", "\"k\""});
  expect_fault(faults_with(kMomentum + kind),
               {"parameter[1]", "optimizer.sgd.momentum", "optimizer.adam.beta1", "\"m\""});
  // As whole messages, by what only one of two choices has, in one choice, and three deep.
  expect_fault(faults_with(choices("k", {"optimizer={sgd {}}", "optimizer={adam {}}"}) + kMomentum), {"parameter[1]"});
  expect_fault(faults_with(choices("k", {"", "schedule.cosine={}"}) +
                           number("r", "schedule.constant.learning_rate", "float { min: 0.1 max: 0.2 }")),
               {"parameter[1]", "schedule.cosine"});
  expect_fault(faults_with(choices("k", {"optimizer.adam.beta1=0.8' set: 'optimizer.sgd.momentum=0.5"})),
               {"parameter[0].categorical.choice[0].set[1]", "optimizer.adam.beta1"});
  expect_fault(faults_with(choices("k", {"seed=1' set: 'seed=2"})),
               {"parameter[0].categorical.choice[0].set[1]", "seed"});
  expect_fault(faults_with(choices("k", {"model.layer[0]={ relu {} }", ""}) +
                           number("u", "model.layer[0].dense.units", "int { min: 3 max: 5 }")),
               {"parameter[1]", "model.layer[0]"});
  const std::string on_sgd = number("m", "optimizer.sgd.momentum", "float { min: 0.1 max: 0.9 }", when("k", "k0"));
  EXPECT_EQ(faults_with(kind + on_sgd), "");
  EXPECT_EQ(faults_with(choices("k", {"optimizer={sgd {}}", "optimizer={adam {}}"}) + on_sgd), "");
  expect_fault(faults_with(choices("k", {"optimizer={sgd { momentum: 0.5 }}", "optimizer={adam {}}"}) + on_sgd),
               {"parameter[1]"});
  // A choice without an assignment stands for what the job has, which is SGD here.
  const std::string beta = number("b", "optimizer.adam.beta2", "float { min: 0.1 max: 0.9 }");
  const std::string open = choices("k", {"", "optimizer.adam.beta1=0.8"});
  expect_fault(faults_with(open + beta), {"parameter[1]", "optimizer.sgd", "\"k\" (choice \"k0\")"});
  expect_fault(faults_with(beta + open), {"parameter[1]", "optimizer.sgd", "\"b\""});
  EXPECT_EQ(faults_with(open + number("b", "optimizer.adam.beta2", "float { min: 0.1 max: 0.9 }", when("k", "k1"))),
            "");
  EXPECT_EQ(faults_with(beta), "");
  // The choice that excludes the other may be the parent's parent.
  EXPECT_EQ(faults_with(kind + choices("w", {"", ""}, when("k", "k0")) +
                        number("m", "optimizer.sgd.momentum", "float { min: 0.1 max: 0.9 }", when("w", "w1"))),
            "");
}

TEST(Submission, TwoParametersOfOneFieldAreRefused) {
  expect_fault(faults_with(kMomentum + number("n", "optimizer.sgd.momentum", "float { min: 0.1 max: 0.2 }")),
               {"parameter[1]", "\"n\"", "\"m\"", "optimizer.sgd.momentum", "same"});
  expect_fault(faults_with(kMomentum + choices("n", {"optimizer.sgd.momentum=0.9", ""})), {"parameter[1]", "same"});
  expect_fault(faults_with(choices("m", {"seed=1", "seed=2"}) + choices("n", {"seed=3", "seed=4"})), {"parameter[1]"});
  expect_fault(faults_with(kMomentum + choices("n", {"optimizer.sgd={}", "optimizer={sgd {nesterov: true}}"})),
               {"parameter[1]", "part"});
  expect_fault(faults_with(choices("n", {"optimizer.sgd={}", "optimizer.sgd={nesterov: true}"}) + kMomentum),
               {"parameter[1]", "part"});
  expect_fault(faults_with(choices("n", {"model.layer=[{ dense { units: 3 } }]"}) +
                           number("u", "model.layer[0].dense.units", "int { min: 3 max: 5 }")),
               {"parameter[1]", "part"});
  // All at once: each pair by itself.
  expect_fault(faults_with(kMomentum + number("n", "optimizer.sgd.momentum", "float { min: 0.1 max: 0.2 }") +
                           number("a", "seed", "int { min: 1 max: 2 }") + number("b", "seed", "int { min: 1 max: 2 }")),
               {"parameter[1]", "parameter[3]"});
  const std::string kind = choices("k", {"", ""});
  EXPECT_EQ(faults_with(kind + number("m", "seed", "int { min: 1 max: 2 }", when("k", "k0")) +
                        number("n", "seed", "int { min: 5 max: 6 }", when("k", "k1"))),
            "");
  expect_fault(faults_with(kind + number("m", "seed", "int { min: 1 max: 2 }", when("k", "k0")) +
                           number("n", "seed", "int { min: 5 max: 6 }", when("k", "k0"))),
               {"parameter[2]"});
  EXPECT_EQ(faults_with(number("m", "model.layer[0].dense.units", "int { min: 1 max: 2 }") +
                        choices("n", {"model.layer[1]={ tanh {} }", "model.layer[1]={ sigmoid {} }"})),
            "");
}

TEST(Submission, ValuesThatTheFieldCannotTakeAreRefused) {
  expect_fault(faults_with(number("b", "seed", "float { min: 1 max: 8 }")), {"parameter[0]", "an integer"});
  expect_fault(faults_with(number("b", "seed", "discrete { value: 1 value: 2.5 value: 3 }")), {"an integer, got 2.5"});
  expect_fault(faults_with(choices("b", {"seed=1", "seed=1e2"})), {"parameter[0]", "an integer, got 1e2"});
  expect_fault(faults_with(number("b", "batch", "int { min: 64 max: 128 }")),
               {"parameter[0]", "divisor of batch (65)"});
  expect_fault(faults_with(number("b", "batch", "discrete { value: 64 value: 100 value: 128 }")),
               {"divisor of batch (100)"});
  EXPECT_EQ(faults_with(number("b", "batch", "discrete { value: 64 value: 96 value: 128 }")), "");
  EXPECT_EQ(faults_with(number("b", "seed", "discrete { value: 1e2 value: 1e6 }")), "");
  expect_fault(faults_with(choices("p", {"execution.precision=FP16", "execution.precision=BF16"})),
               {"parameter[0]", "FP32 or BF16"});
  expect_fault(faults_with(number("p", "execution.precision", "int { min: 0 max: 1 }")), {"parameter[0]"});
  expect_fault(faults_with(number("m", "optimizer.sgd.momentum", "float { min: 0.5 max: 1 }")), {"below 1, got 1"});
  expect_fault(faults_with(number("s", "optimizer.adam", "float { min: 1 max: 2 }")), {"parameter[0]"});
  expect_fault(faults_with(number("u", "model.layer[2].dense.units", "int { min: 1 max: 2 }")), {"an index below 2"});
  // All at once, each at its own parameter, whatever the others are.
  const std::string all = faults_with(number("m", "optimizer.sgd.momentum", "float { min: 1 max: 2 }") +
                                      number("u", "model.layer[0].dense.units", "int { min: 0 max: 2 }") +
                                      choices("p", {"execution.precision=FP16", "execution.wire=FP17"}));
  expect_fault(all,
               {"parameter[0]: the job does not take it: --set: optimizer.sgd.momentum: expected below 1",
                "parameter[1]: the job does not take it: --set: model.layer[0].dense.units: expected at least 1, got 0",
                "parameter[2].categorical.choice[0]: the job does not take it: --set: execution.precision",
                "parameter[2].categorical.choice[1]: the job does not take it: --set: execution.wire"});
}

TEST(Submission, WhatACombinationLacksOrHasIsSeen) {
  // The layers are there only with the choice that brings them.
  const std::string deep = "model.layer=[{ convolution { kernel: 1 } }, { dense {} }, { dense {} }]";
  const std::string whole = "model.layer=[{ flatten {} }, { dense {} }, { dense { units: 10 } }]";
  const std::string inner = number("u", "model.layer[1].dense.units", "int { min: 8 max: 9 }", when("d", "d1"));
  EXPECT_EQ(faults_with(choices("d", {"", whole}) + inner), "");
  expect_fault(faults_with(choices("d", {"", deep}) + inner), {"model.layer[0].convolution.filters: required"});
  expect_fault(faults_with(choices("d", {"", deep}) + number("u", "model.layer[2].dense.units", "int { min: 8 max: 9 }",
                                                             "condition { parameter: 'd' is: 'd0' }")),
               {"parameter[1]", "an index below 2"});
  expect_fault(faults_with(choices("d", {"", deep}) + number("u", "model.layer[2].dense.units", "int { min: 8 max: 9 }",
                                                             "condition { parameter: 'd' is: 'd1' is: 'd0' }")),
               {"parameter[1]", "an index below 2"});
}

TEST(Submission, FieldsThatTheCoordinatorRulesAreNoParameters) {
  for (const char* path :
       {"epochs", "slices", "checkpoint.keep_last", "checkpoint.every_seconds", "execution.stop_after_epochs"}) {
    expect_fault(faults_with(number("x", path, "int { min: 8 max: 16 }")), {"parameter[0]", path, "no parameter"});
    expect_fault(faults_with(choices("x", {"", std::string(path) + "=8"})), {"parameter[0]", path, "no parameter"});
  }
  expect_fault(faults_with(choices("x", {"", "checkpoint={ keep_last: 1 }"})), {"checkpoint", "no parameter"});
  expect_fault(faults_with(choices("x", {"", "execution={ stop_after_epochs: 1 }"})), {"stop_after", "no parameter"});
  expect_fault(faults_with(choices("x", {"name=other", ""})), {"name", "no parameter"});
  EXPECT_EQ(faults_with(choices("x", {"", "execution={ precision: BF16 }"})), "");
  expect_fault(faults_with(kMomentum, "execution { stop_after_epochs: 2 }"), {"job.execution.stop_after_epochs"});
}

TEST(Submission, DataAndCoresOfEveryTrialAreThoseOfTheCoordinator) {
  expect_fault(faults_with(choices("d", {"", "data.path=/etc/passwd"})),
               {"parameter[0]", "/etc/passwd is outside /data"});
  expect_fault(faults_with(choices("d", {"", "data={ path: \"/data/../etc/x\" }"})), {"parameter[0]", "outside /data"});
  expect_fault(faults_with(choices("d", {"data.path=rows.h5", ""})), {"parameter[0]", "absolute path"});
  EXPECT_EQ(faults_with(choices("d", {"", "data.path=/data/other.h5"})), "");
  expect_fault(faults_with(number("t", "execution.threads_per_rank", "int { min: 1 max: 64 }")),
               {"parameter[0]", "threads_per_rank"});
  expect_fault(faults_with(choices("t", {"", "execution={ threads_per_rank: 3 }"})),
               {"parameter[0]", "threads_per_rank"});
  EXPECT_EQ(faults_with(number("t", "execution.threads_per_rank", "int { min: 1 max: 4 }"),
                        "execution { threads_per_rank: 4 }"),
            "");
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
