#include "launch/command/sweep_print.h"

#include <algorithm>
#include <ctime>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/json_util.h>

#include "coordinator/sweep/state.h"
#include "trainer/report/progress.h"

namespace lockstep {
namespace {

std::string clock_time(std::int64_t time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

std::string parameters_text(const google::protobuf::RepeatedPtrField<proto::Assignment>& assignments) {
  std::string text;
  for (const proto::Assignment& it : assignments) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", it.name(), value_text(it));
  }
  return text;
}

std::string counts_text(const proto::SweepView& sweep) {
  std::string text;
  for (const proto::StateCount& count : sweep.count()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.trials(), name_of(count.state()));
  }
  return text.empty() ? "none yet" : text;
}

std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted;
  quoted.push_back('"');
  for (const char letter : text) {
    if (letter == '"') quoted.push_back('"');
    quoted.push_back(letter);
  }
  quoted.push_back('"');
  return quoted;
}

}  // namespace

std::string json_text(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  CHECK(status.ok(), "JSON");
  return text;
}

std::string value_text(const proto::Assignment& assignment) {
  return assignment.has_choice() ? assignment.choice() : fmt::format("{:.6g}", assignment.number());
}

std::string sweeps_table(const proto::ListReply& list) {
  if (list.sweep().empty()) return "no sweeps; `lockstep sweep submit FILE` makes one\n";
  std::string text = fmt::format("{:<6}{:<11}{:>9}  {:<10}{}\n", "sweep", "state", "trials", "best", "name");
  for (const proto::SweepView& it : list.sweep()) {
    int created = 0;
    for (const proto::StateCount& count : it.count()) created += count.trials();
    text += fmt::format("{:<6}{:<11}{:>9}  {:<10}{}\n", it.sweep(), name_of(it.state()),
                        fmt::format("{}/{}", created, it.trials()),
                        it.has_best() ? fmt::format("{:.5g}", it.best().value()) : "-", it.name());
  }
  return text;
}

std::string sweep_text(const proto::SweepView& it) {
  std::string text = fmt::format("{} {}: {}{}\n", it.sweep(), it.name(), name_of(it.state()),
                                 it.reason().empty() ? "" : fmt::format(" ({})", it.reason()));
  text += fmt::format("trials     {} of at most {}\n", counts_text(it), it.trials());
  text += fmt::format("cores      {} of {} in use, {:.3g} core-hours so far\n", it.cores(), it.all_cores(),
                      it.core_seconds() / 3600);
  if (it.has_holding()) text += fmt::format("holding    nothing is started: {}\n", it.holding());
  if (it.has_eta_seconds()) text += fmt::format("time left  about {}\n", format_duration(it.eta_seconds()));
  if (it.has_best()) text += "best       " + best_text(it.best());
  return text;
}

std::string trials_table(const std::vector<proto::TrialView>& trials) {
  std::string text = fmt::format("{:>5}  {:<11}{:>6}{:>6}{:>10}  {:<8}{:>8}  {}\n", "trial", "state", "epoch", "rung",
                                 "best", "cores", "attempts", "parameters");
  for (const proto::TrialView& it : trials) {
    text += fmt::format("{:>5}  {:<11}{:>6}{:>6}{:>10}  {:<8}{:>8}  {}\n", it.trial(), name_of(it.state()), it.epoch(),
                        it.until_epoch(), it.has_value() ? fmt::format("{:.5g}", it.value()) : "-",
                        it.core().empty() ? "-" : fmt::format("{}", fmt::join(it.core(), ",")), it.attempts(),
                        parameters_text(it.assignment()));
  }
  return text;
}

std::string best_text(const proto::TrialView& trial) {
  std::string text = fmt::format("{:.5g} after epoch {} of trial {} ({})\n", trial.value(), trial.value_epoch(),
                                 trial.trial(), name_of(trial.state()));
  for (const proto::Assignment& it : trial.assignment()) text += fmt::format("  {} = {}\n", it.name(), value_text(it));
  text += fmt::format("  checkpoint {}\n", trial.has_checkpoint() ? trial.checkpoint() : "not written yet");
  if (trial.has_final_test()) {
    text += fmt::format("  test       loss {:.5g}", trial.final_test().loss());
    for (const proto::MetricValue& it : trial.final_test().metric()) {
      if (it.name().find('/') == std::string::npos) text += fmt::format(", {} {:.5g}", it.name(), it.value());
    }
    text += "; nothing was chosen by it\n";
  }
  return text;
}

std::string plan_text(const proto::PlanReply& plan) {
  std::string text = fmt::format("{} trials, {} at a time, about {:.4g} epochs together\n", plan.trials(),
                                 plan.parallel(), plan.epochs());
  if (plan.has_seconds()) {
    text += fmt::format("at {:.3g} s an epoch: about {}, {:.3g} core-hours\n", plan.epoch_seconds(),
                        format_duration(plan.seconds()), plan.core_hours());
  }
  for (const proto::TrialCreated& it : plan.suggestion()) {
    text += fmt::format("{:>5}  {}   ({})\n", it.trial(), parameters_text(it.assignment()), it.reason());
  }
  return text;
}

std::string checkpoints_table(const proto::CheckpointsReply& checkpoints) {
  if (checkpoints.checkpoint().empty()) return "no checkpoints\n";
  std::string text = fmt::format("{:>5}{:>10}{:>10}{:>9}  {:<6}{}\n", "trial", "step", "parent", "attempt", "", "why");
  for (const proto::CheckpointView& it : checkpoints.checkpoint()) {
    text += fmt::format("{:>5}{:>10}{:>10}{:>9}  {:<6}{}\n", it.trial(), it.step(),
                        it.has_parent_step() ? std::to_string(it.parent_step()) : "-", it.attempt(),
                        it.goes() ? "goes" : "stays", it.reason());
  }
  return text;
}

namespace {

std::string evaluation_text(const proto::Evaluated& it) {
  std::string text = fmt::format("trial {} epoch {}: loss {:.4f}", it.trial(), it.epoch(), it.loss());
  if (it.has_accuracy()) text += fmt::format(", accuracy {:.4f}", it.accuracy());
  for (const proto::MetricValue& metric : it.metric())
    text += fmt::format(", {} {:.4f}", metric.name(), metric.value());
  return text;
}

}  // namespace

std::string event_line(const proto::Event& event) {
  const std::string front = fmt::format("{} {} ", clock_time(event.time_ms()), event.sweep());
  switch (event.kind_case()) {
    case proto::Event::kSweepSubmitted:
      return front + fmt::format("submitted: {}", event.sweep_submitted().spec().name());
    case proto::Event::kSweepChanged:
      return front + fmt::format("{}: {}", name_of(event.sweep_changed().state()), event.sweep_changed().reason());
    case proto::Event::kTrialCreated:
      return front + fmt::format("trial {}: {}   ({})", event.trial_created().trial(),
                                 parameters_text(event.trial_created().assignment()), event.trial_created().reason());
    case proto::Event::kTrialChanged:
      return front + fmt::format("trial {} {}: {}", event.trial_changed().trial(),
                                 name_of(event.trial_changed().state()), event.trial_changed().reason());
    case proto::Event::kEvaluated:
      return front + evaluation_text(event.evaluated());
    case proto::Event::kTrialJudged:
      return front + fmt::format("trial {} {}: {}", event.trial_judged().trial(),
                                 event.trial_judged().stop() ? "stops" : "goes on", event.trial_judged().reason());
    default:
      return "";
  }
}

std::string trials_csv(const std::vector<proto::TrialView>& trials) {
  std::set<std::string> names;
  for (const proto::TrialView& trial : trials) {
    for (const proto::Assignment& it : trial.assignment()) names.insert(it.name());
  }
  std::string text = "trial,state,value,value_epoch,epoch,attempts,core_seconds,checkpoint,reason";
  for (const std::string& name : names) text += fmt::format(",{}", csv(name));
  text += "\n";
  for (const proto::TrialView& it : trials) {
    text += fmt::format("{},{},{},{},{},{},{:.1f},{},{}", it.trial(), name_of(it.state()),
                        it.has_value() ? fmt::format("{}", it.value()) : "", it.value_epoch(), it.epoch(),
                        it.attempts(), it.core_seconds(), csv(it.checkpoint()), csv(it.reason()));
    for (const std::string& name : names) {
      const auto found = std::find_if(it.assignment().begin(), it.assignment().end(),
                                      [&](const proto::Assignment& at) { return at.name() == name; });
      text += ",";
      if (found == it.assignment().end()) continue;
      text += found->has_choice() ? csv(found->choice()) : fmt::format("{}", found->number());
    }
    text += "\n";
  }
  return text;
}

}  // namespace lockstep
