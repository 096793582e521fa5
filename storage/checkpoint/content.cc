#include "storage/checkpoint/content.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

namespace lockstep {
namespace {

// One part of a path, or the name of a fact.
bool is_name(std::string_view name) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return !name.empty() && name != "." && name != ".." && std::none_of(name.begin(), name.end(), is_control) &&
         name.find('/') == std::string_view::npos;
}

bool is_tensor_path(std::string_view path) {
  std::size_t parts = 0;
  for (std::size_t begin = 0; begin <= path.size(); ++parts) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (!is_name(part)) return false;
    const bool is_group = part == "parameters" || part == "buffers" || part == "optimizer" || part == "average";
    if (parts == 0 && !is_group) return false;
    begin = end + 1;
  }
  return parts >= 2 && parts <= kPathDepthLimit;
}

Status check_tensors(const std::vector<CheckpointTensor>& tensors) {
  std::set<std::string_view> paths;
  for (const CheckpointTensor& tensor : tensors) {
    if (!is_tensor_path(tensor.path)) {
      return bad_data(fmt::format(
          "tensor \"{}\": expected a path in parameters/, buffers/, optimizer/ or average/ of at most {} names",
          tensor.path, kPathDepthLimit));
    }
    if (!paths.insert(tensor.path).second) return bad_data(fmt::format("tensor \"{}\" is there twice", tensor.path));
    const std::size_t elements = tensor_elements(tensor.shape, kCheckpointLimitBytes / sizeof(float));
    if (elements == 0 || elements != tensor.values.size()) {
      return bad_data(fmt::format("tensor \"{}\": its shape {} does not fit its {} values", tensor.path,
                                  shape_text(tensor.shape), tensor.values.size()));
    }
  }
  return OkStatus();
}

Status check_evaluations(const Checkpoint& checkpoint) {
  std::int64_t step = -1;
  std::int64_t epoch = -1;
  for (const CheckpointEvaluation& it : *checkpoint.evaluations) {
    if (it.step <= step || it.epoch < epoch || it.step > checkpoint.step || it.rows < 0) {
      return bad_data(fmt::format(
          "evaluations: expected rising steps, and epochs that do not fall, up to step {}, got step {} of epoch {} "
          "behind step {} of epoch {}",
          checkpoint.step, it.step, it.epoch, step, epoch));
    }
    step = it.step;
    epoch = it.epoch;
  }
  return OkStatus();
}

}  // namespace

std::size_t tensor_elements(std::span<const std::int64_t> shape, std::size_t limit) {
  if (shape.empty() || shape.size() > kTensorRankLimit) return 0;
  std::size_t elements = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || static_cast<std::size_t>(extent) > limit / elements) return 0;
    elements *= static_cast<std::size_t>(extent);
  }
  return elements;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : " x ", extent);
  return text;
}

Status check_content(const Checkpoint& checkpoint) {
  if (checkpoint.step < 0 || checkpoint.epoch < 0) {
    return bad_data(fmt::format("step {} and epoch {}: expected none below 0", checkpoint.step, checkpoint.epoch));
  }
  if (checkpoint.evaluations) RETURN_IF_ERROR(check_evaluations(checkpoint));
  if (checkpoint.final_test && (checkpoint.final_test->step != checkpoint.step || checkpoint.final_test->rows < 0)) {
    return bad_data(
        fmt::format("final_test: expected one of step {}, got step {}", checkpoint.step, checkpoint.final_test->step));
  }
  const auto has_nul = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
  if (has_nul(checkpoint.job) || has_nul(checkpoint.model)) {
    return bad_data("job or model: expected text, got a NUL in it");
  }
  if (std::any_of(checkpoint.class_names.begin(), checkpoint.class_names.end(), has_nul)) {
    return bad_data("class_names: expected text, got a NUL in it");
  }
  if (std::any_of(checkpoint.units.begin(), checkpoint.units.end(), has_nul)) {
    return bad_data("units: expected text, got a NUL in it");
  }
  const std::size_t numbers = checkpoint.target == TargetKind::kNumbers ? checkpoint.class_names.size() : 0;
  if (checkpoint.target_mean.size() != numbers || checkpoint.target_deviation.size() != numbers ||
      (!checkpoint.units.empty() && checkpoint.units.size() != numbers)) {
    return bad_data(fmt::format("target_mean, target_deviation, units: expected {} of each", numbers));
  }
  const auto is_number = [](float value) { return std::isfinite(value); };
  const auto is_deviation = [](float value) { return std::isfinite(value) && value > 0; };
  if (!std::ranges::all_of(checkpoint.target_mean, is_number) ||
      !std::ranges::all_of(checkpoint.target_deviation, is_deviation)) {
    return bad_data("target_mean, target_deviation: expected finite numbers, deviations above 0");
  }
  for (const auto& [name, value] : checkpoint.facts) {
    if (!is_name(name) || has_nul(value))
      return bad_data(fmt::format("fact \"{}\": its name or value is not text", name));
  }
  return check_tensors(checkpoint.tensors);
}

}  // namespace lockstep
