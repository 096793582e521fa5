// The metrics: one closed table, by which jobs, checkpoints, sweeps and reports speak of what an evaluation found.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/task/target.h"

namespace lockstep {

struct MetricInfo {
  std::string_view name;
  std::optional<TargetKind> target;  // none: of every kind
  bool higher_is_better = true;
  bool is_share = true;  // 0 to 1: shown in percent
  // One value a class, label or number: "f1/cat", "f1/dog".
  bool each = false;
  std::string_view text;  // what it is, in few words
};

// In the order in which they are shown. The first of a target kind is what counts where nothing is said.
std::span<const MetricInfo> metrics();

// "accuracy"; "f1" for "f1" and "f1/cat". Null: there is none of that name. One value of one that has no others is
// none, either: "accuracy/cat".
const MetricInfo* find_metric(std::string_view name);

// The first metric of a kind, but the loss.
const MetricInfo& chief_metric(TargetKind target);

// What is wrong with a name for rows of such targets; empty: nothing. Of a name with a class the class is not looked
// at.
std::string metric_fault(std::string_view name, std::optional<TargetKind> target);

// Whether a name in a list of metrics stands for this value: itself, or "f1" for "f1/cat".
bool tells(std::string_view name, std::string_view value);

struct MetricValue {
  std::string name;
  double value = 0;  // not a number: not known, or there is none
  bool operator==(const MetricValue&) const = default;
};

// For people: "93.41 %"; "-" for what is not a number. With the name: "accuracy 93.41 %".
std::string metric_value_text(const MetricValue& metric);
std::string metric_text(const MetricValue& metric);

// Not a number when it is not there.
double metric_value(std::span<const MetricValue> values, std::string_view name);

}  // namespace lockstep
