#include "storage/checkpoint/diff.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "storage/checkpoint/content.h"

namespace lockstep {
namespace {

// Position of a float32 among all of them in rising order; 0 and -0 share one.
std::int64_t rank_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::int64_t magnitude = bits & 0x7fffffffu;
  return bits >> 31 ? -magnitude : magnitude;
}

std::vector<std::int64_t> unravel(std::size_t position, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> index(shape.size());
  auto rest = static_cast<std::int64_t>(position);
  for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) index[axis] = rest % shape[axis];
  return index;
}

void compare_values(const CheckpointTensor& a, const CheckpointTensor& b, TensorDifference& difference) {
  CHECK(a.values.size() == b.values.size(), "tensor {}", a.path);
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const float x = a.values[i];
    const float y = b.values[i];
    if (std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y)) continue;
    if (difference.differing_elements++ == 0) difference.first_index = unravel(i, a.shape);
    const double absolute = std::abs(double(x) - double(y));
    difference.max_absolute =
        std::max(difference.max_absolute, std::isnan(absolute) ? std::numeric_limits<double>::infinity() : absolute);
    difference.max_ulp = std::max(difference.max_ulp, std::abs(rank_of(x) - rank_of(y)));
  }
}

std::vector<TensorDifference> diff_tensors(const Checkpoint& a, const Checkpoint& b) {
  std::map<std::string_view, const CheckpointTensor*> left;  // of b, not yet found in a
  for (const CheckpointTensor& tensor : b.tensors) left.emplace(tensor.path, &tensor);
  std::vector<TensorDifference> differences;
  for (const CheckpointTensor& tensor : a.tensors) {
    TensorDifference difference{.path = tensor.path, .shape_a = tensor.shape};
    if (const auto twin = left.find(tensor.path); twin != left.end()) {
      difference.shape_b = twin->second->shape;
      if (difference.shape_a == difference.shape_b) compare_values(tensor, *twin->second, difference);
      left.erase(twin);
    }
    if (difference.differing_elements > 0 || difference.shape_a != difference.shape_b) {
      differences.push_back(std::move(difference));
    }
  }
  for (const CheckpointTensor& tensor : b.tensors) {
    if (left.contains(tensor.path)) differences.push_back({.path = tensor.path, .shape_b = tensor.shape});
  }
  return differences;
}

// Lines of a text proto, each with the names of the messages around it: "optimizer.sgd.momentum: 0.9".
std::vector<std::string> qualified_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::vector<std::string_view> around;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) continue;
    if (line == "}") {
      if (!around.empty()) around.pop_back();
      continue;
    }
    lines.push_back(fmt::format("{}{}{}", fmt::join(around, "."), around.empty() ? "" : ".", line));
    if (line.ends_with(" {")) around.push_back(line.substr(0, line.size() - 2));
  }
  return lines;
}

// Lines of `from` that `in` does not have as often.
void note_missing(const std::vector<std::string>& from, const std::vector<std::string>& in, std::string_view which,
                  std::vector<std::string>& notes) {
  std::multiset<std::string_view> left(in.begin(), in.end());
  for (const std::string& line : from) {
    if (const auto found = left.find(line); found != left.end()) {
      left.erase(found);
    } else {
      notes.push_back(fmt::format("job only in {}: {}", which, line));
    }
  }
}

void note_job(const std::string& a, const std::string& b, std::vector<std::string>& notes) {
  if (a == b) return;
  const std::size_t before = notes.size();
  const std::vector<std::string> lines_a = qualified_lines(a);
  const std::vector<std::string> lines_b = qualified_lines(b);
  note_missing(lines_a, lines_b, "a", notes);
  note_missing(lines_b, lines_a, "b", notes);
  if (notes.size() == before) notes.push_back("job: the same lines in another order or with other spaces");
}

// "epoch 1: loss 0.5, accuracy 0.8".
std::string evaluation_text(const CheckpointEvaluation& it) {
  std::string metrics;
  for (const MetricValue& metric : it.metrics) metrics += fmt::format(", {} {}", metric.name, metric.value);
  return fmt::format("epoch {}: loss {}{}", it.epoch, it.loss, metrics);
}

std::string evaluations_text(const Checkpoint& checkpoint) {
  if (!checkpoint.evaluations) return "none";
  std::vector<std::string> parts;
  for (const CheckpointEvaluation& it : *checkpoint.evaluations) parts.push_back(evaluation_text(it));
  return fmt::format("[{}]", fmt::join(parts, "; "));
}

std::vector<std::string> diff_rest(const Checkpoint& a, const Checkpoint& b) {
  std::vector<std::string> notes;
  const auto note = [&](std::string_view name, const std::string& value_a, const std::string& value_b) {
    if (value_a != value_b) notes.push_back(fmt::format("{}: {}, {}", name, value_a, value_b));
  };
  const auto optional = [](const std::optional<double>& value) { return value ? fmt::format("{}", *value) : "none"; };
  const auto list = [](const auto& values) { return fmt::format("[{}]", fmt::join(values, ", ")); };
  note("step", fmt::to_string(a.step), fmt::to_string(b.step));
  note("epoch", fmt::to_string(a.epoch), fmt::to_string(b.epoch));
  note("accuracy", optional(a.accuracy), optional(b.accuracy));
  note("evaluations", evaluations_text(a), evaluations_text(b));
  note("final_test", a.final_test ? evaluation_text(*a.final_test) : "none",
       b.final_test ? evaluation_text(*b.final_test) : "none");
  note("target", std::string(target_name(a.target)), std::string(target_name(b.target)));
  note("class_names", list(a.class_names), list(b.class_names));
  note("units", list(a.units), list(b.units));
  note("target_mean", list(a.target_mean), list(b.target_mean));
  note("target_deviation", list(a.target_deviation), list(b.target_deviation));
  note("dataset_fingerprint", fmt::format("{:016x}", a.dataset_fingerprint),
       fmt::format("{:016x}", b.dataset_fingerprint));
  note("image_shape", shape_text(a.image_shape), shape_text(b.image_shape));
  note("mean", list(a.mean), list(b.mean));
  note("deviation", list(a.deviation), list(b.deviation));
  std::set<std::string> names;
  for (const auto& fact : a.facts) names.insert(fact.first);
  for (const auto& fact : b.facts) names.insert(fact.first);
  for (const std::string& name : names) {
    const auto value = [&](const Checkpoint& checkpoint) {
      const auto found = checkpoint.facts.find(name);
      return found == checkpoint.facts.end() ? std::string("none") : found->second;
    };
    note(name, value(a), value(b));
  }
  note_job(a.job, b.job, notes);
  return notes;
}

}  // namespace

CheckpointDifference diff_checkpoints(const Checkpoint& a, const Checkpoint& b) {
  CheckpointDifference difference{.identical = false, .notes = diff_rest(a, b), .tensors = diff_tensors(a, b)};
  difference.identical = difference.tensors.empty() && a.step == b.step && a.epoch == b.epoch;
  return difference;
}

}  // namespace lockstep
