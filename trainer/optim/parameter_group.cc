#include "trainer/optim/parameter_group.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

bool matches(std::string_view pattern, std::string_view name) {
  // Where the last star was, and how much of the name it has taken: it takes one more when the rest does not fit.
  std::size_t at = 0, star = std::string_view::npos, taken = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = i;
    } else if (at < pattern.size() && pattern[at] == name[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

Treatment treatment_of(const TensorInfo& tensor, const proto::Optimizer& spec, const ParameterGroups& groups) {
  Treatment treatment{.weight_decay = spec.weight_decay()};
  for (const proto::ParameterGroup& group : groups) {
    if (!matches(group.match(), tensor.name)) continue;
    treatment.weight_decay = group.has_weight_decay() ? group.weight_decay() : spec.weight_decay();
    treatment.rate_scale = group.rate_scale();
  }
  if (!tensor.is_weights && !spec.decay_all()) treatment.weight_decay = 0;
  return treatment;
}

void check_groups(std::span<const TensorInfo> parameters, const ParameterGroups& groups, Faults& faults) {
  for (int i = 0; i < groups.size(); ++i) {
    const std::string& pattern = groups[i].match();
    if (std::any_of(parameters.begin(), parameters.end(),
                    [&](const TensorInfo& tensor) { return matches(pattern, tensor.name); })) {
      continue;
    }
    std::vector<std::string> names;
    for (const TensorInfo& tensor : parameters) names.push_back(tensor.name);
    const std::string near = nearest(pattern, names);
    faults.add(fmt::format("parameters[{}].match", i),
               fmt::format("expected a pattern of names of tensors, as \"{}\"; \"{}\" matches none{}",
                           names.empty() ? "dense_1/*" : names.front(), pattern,
                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
}

std::vector<ParameterRun> parameter_runs(const proto::Optimizer& spec, const ParameterGroups& groups,
                                         std::span<const TensorInfo> parameters, std::size_t arena_elements) {
  std::vector<ParameterRun> runs;
  std::size_t end_of_previous = 0;
  for (const TensorInfo& tensor : parameters) {
    CHECK(tensor.offset >= end_of_previous, "{} starts at {}, before the end {} of the tensor before it", tensor.name,
          tensor.offset, end_of_previous);
    end_of_previous = tensor.offset + tensor.elements;
    const Treatment treatment = treatment_of(tensor, spec, groups);
    if (runs.empty()) {
      runs.push_back({0, 0, treatment});
    } else if (runs.back().treatment != treatment) {
      runs.back().end = tensor.offset;
      runs.push_back({tensor.offset, 0, treatment});
    }
  }
  CHECK(end_of_previous <= arena_elements, "tensors end at {}, the arena at {}", end_of_previous, arena_elements);
  if (!runs.empty()) runs.back().end = arena_elements;
  return runs;
}

}  // namespace lockstep
