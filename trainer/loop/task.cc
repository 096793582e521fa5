#include "trainer/loop/task.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "storage/task/loss.h"
#include "trainer/optim/stagnation.h"

namespace lockstep {
namespace {

void check_loss(TargetKind target, JobDraft& draft) {
  const proto::Loss& loss = draft.job.loss();
  const bool is_given = loss.kind_case() != proto::Loss::KIND_NOT_SET;
  const LossInfo& mine = loss_info(loss);
  if (mine.target == target) return;
  const LossInfo& fit = loss_info(fitting_loss(target));
  draft.faults.add(is_given ? fmt::format("loss.{}", mine.name) : "loss",
                   fmt::format("{}is of {}, and the training rows have {}: expected loss {{ {} {{}} }}",
                               is_given ? "" : "softmax cross entropy, the default, ", target_text(mine.target),
                               target_text(target), fit.name));
}

// Divided by their mean over the rows that count; left alone when it is one, as in a resolved job.
void normalise_class_weights(const DatasetInfo& train, proto::SoftmaxCrossEntropy& spec, Faults& faults) {
  double weight = 0, rows = 0;
  for (int i = 0; i < spec.class_weight_size(); ++i) {
    if (spec.has_ignored_label() && i == spec.ignored_label()) continue;
    const auto count = static_cast<double>(train.class_rows[static_cast<std::size_t>(i)]);
    weight += count * static_cast<double>(spec.class_weight(i));
    rows += count;
  }
  if (!(weight > 0)) {
    return faults.add("loss.softmax_cross_entropy.class_weight", "all training rows have the weight 0");
  }
  const double mean = weight / rows;
  constexpr double kRounding = 1e-6;
  if (std::abs(mean - 1) < kRounding) return;
  for (float& each : *spec.mutable_class_weight()) each = static_cast<float>(static_cast<double>(each) / mean);
}

void resolve_softmax(const DatasetInfo& train, proto::SoftmaxCrossEntropy& spec, Faults& faults) {
  const auto classes = static_cast<int>(train.class_names.size());
  const std::string path = "loss.softmax_cross_entropy.";
  if (spec.has_ignored_label() && spec.ignored_label() >= classes) {
    return faults.add(path + "ignored_label",
                      fmt::format("expected a class, 0 to {}, got {}", classes - 1, spec.ignored_label()));
  }
  if (spec.balanced() && !spec.class_weight().empty()) {
    return faults.add(path + "balanced", "class_weight says which weights: expected one of the two");
  }
  if (spec.balanced()) {
    for (const std::int64_t rows : train.class_rows) spec.add_class_weight(rows > 0 ? 1 / static_cast<float>(rows) : 0);
    spec.clear_balanced();
  }
  if (spec.class_weight().empty()) return;
  if (spec.class_weight_size() != classes) {
    return faults.add(path + "class_weight", fmt::format("expected one for each of the {} classes, got {}", classes,
                                                         spec.class_weight_size()));
  }
  normalise_class_weights(train, spec, faults);
}

void resolve_loss(const DatasetInfo& train, JobDraft& draft) {
  proto::Loss& loss = *draft.job.mutable_loss();
  if (loss.has_softmax_cross_entropy()) {
    resolve_softmax(train, *loss.mutable_softmax_cross_entropy(), draft.faults);
  }
  const int weights = loss.binary_cross_entropy().positive_weight_size();
  if (weights != 0 && static_cast<std::size_t>(weights) != train.class_names.size()) {
    draft.faults.add("loss.binary_cross_entropy.positive_weight",
                     fmt::format("expected one for each of the {} labels, got {}", train.class_names.size(), weights));
  }
}

// Why this metric of the job cannot be told; empty: it can.
std::string fault_of(const std::string& name, const DatasetInfo& train) {
  if (const std::string fault = metric_fault(name, train.target); !fault.empty()) return fault;
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return "";
  const std::string part = name.substr(slash + 1);
  const auto count = std::ranges::count(train.class_names, part);
  if (count == 1) return "";
  if (count > 1) return fmt::format("{} {} are called \"{}\"", count, target_nouns(train.target), part);
  return fmt::format("the training rows have no {} \"{}\"", target_noun(train.target), part);
}

void check_metrics(const DatasetInfo& train, JobDraft& draft) {
  // The resolved job of an earlier version stays as it was.
  if (!draft.job.has_evaluate() && train.target == TargetKind::kClass) return;
  proto::Evaluate& evaluate = *draft.job.mutable_evaluate();
  if (evaluate.metric().empty()) evaluate.add_metric(std::string(chief_metric(train.target).name));
  std::set<std::string> before;
  for (int i = 0; i < evaluate.metric_size(); ++i) {
    const std::string& name = evaluate.metric(i);
    const std::string path = fmt::format("evaluate.metric[{}]", i);
    if (const std::string fault = fault_of(name, train); !fault.empty()) {
      draft.faults.add(path, fault);
    } else if (!before.insert(name).second) {
      draft.faults.add(path, fmt::format("{} is there twice", name));
    } else if (i == 0 && find_metric(name)->each && name.find('/') == std::string::npos) {
      draft.faults.add(path,
                       fmt::format("{0} is a value each, and by the first metric checkpoints are kept as the best: "
                                   "expected one value, as \"{0}/{1}\", or another metric before it",
                                   name, train.class_names[0]));
    }
  }
}

// A metric that training follows: one value that evaluations tell.
void check_followed(const std::vector<std::string>& told, const std::string& metric, const std::string& path,
                    Faults& faults) {
  const auto is_told = [&](const std::string& name) { return tells(name, metric); };
  const MetricInfo* const found = find_metric(metric);
  const bool is_one = found != nullptr && (!found->each || metric.find('/') != std::string::npos);
  if (is_one && (metric == "loss" || std::ranges::any_of(told, is_told))) return;
  faults.add(path, fmt::format("expected one value of evaluate.metric ({}), or loss, got \"{}\"", fmt::join(told, ", "),
                               metric));
}

std::string followed(const std::string& metric, const proto::Job& job) {
  return metric.empty() ? told_metrics(job)[0] : metric;
}

std::vector<double> values_of(const std::string& metric, std::span<const EvalPoint> evaluations) {
  std::vector<double> values;
  for (const EvalPoint& it : evaluations) values.push_back(it.value(metric));
  return values;
}

void check_all_followed(JobDraft& draft) {
  const proto::Job& job = draft.job;
  if (follows_evaluations(job) && job.evaluate().every_epochs() == 0 && job.evaluate().every_steps() == 0) {
    draft.faults.add(job.has_stop_when() ? "stop_when" : "schedule.plateau",
                     "follows evaluations, and there are none: expected evaluate.every_epochs or every_steps above 0");
  }
  if (job.schedule().has_plateau() && !job.schedule().plateau().metric().empty()) {
    check_followed(told_metrics(job), job.schedule().plateau().metric(), "schedule.plateau.metric", draft.faults);
  }
  if (job.has_stop_when() && !job.stop_when().metric().empty()) {
    check_followed(told_metrics(job), job.stop_when().metric(), "stop_when.metric", draft.faults);
  }
}

}  // namespace

bool follows_evaluations(const proto::Job& job) {
  return job.schedule().has_plateau() || job.has_stop_when();
}

double plateau_scale(const proto::Job& job, std::span<const EvalPoint> evaluations) {
  if (!job.schedule().has_plateau()) return 1;
  const std::string metric = followed(job.schedule().plateau().metric(), job);
  return plateau_scale(job.schedule().plateau(), values_of(metric, evaluations), find_metric(metric)->higher_is_better);
}

std::string early_end(const proto::Job& job, std::span<const EvalPoint> evaluations) {
  if (!job.has_stop_when()) return "";
  const proto::StopWhen& spec = job.stop_when();
  const std::string metric = followed(spec.metric(), job);
  const std::vector<double> values = values_of(metric, evaluations);
  const int without = evaluations_without_improvement(
      values, {.higher_is_better = find_metric(metric)->higher_is_better, .min_delta = spec.min_delta()});
  if (without < spec.patience()) return "";
  return fmt::format("ended early: {} has not improved for {} evaluation{}", metric, without, without == 1 ? "" : "s");
}

void check_task(const DatasetInfo& train, JobDraft& draft) {
  check_loss(train.target, draft);
  if (!draft.faults.has_within("loss")) resolve_loss(train, draft);
  check_metrics(train, draft);
  check_all_followed(draft);
}

std::vector<std::string> told_metrics(const proto::Job& job) {
  const auto& names = job.evaluate().metric();
  if (names.empty()) return {std::string(chief_metric(TargetKind::kClass).name)};
  return {names.begin(), names.end()};
}

std::vector<MetricValue> wanted_metrics(const proto::Job& job, std::span<const MetricValue> all) {
  std::vector<MetricValue> wanted;
  for (const std::string& name : told_metrics(job)) {
    for (const MetricValue& it : all) {
      const bool is_there = std::ranges::find(wanted, it.name, &MetricValue::name) != wanted.end();
      if (tells(name, it.name) && !is_there) wanted.push_back(it);
    }
  }
  return wanted;
}

}  // namespace lockstep
