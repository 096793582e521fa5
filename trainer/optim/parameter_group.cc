#include "trainer/optim/parameter_group.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "proto/optimizer.pb.h"
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

namespace {

const proto::ParameterGroup* group_of(std::string_view name, const ParameterGroups& groups) {
  const auto last = std::find_if(groups.rbegin(), groups.rend(),
                                 [&](const proto::ParameterGroup& group) { return matches(group.match(), name); });
  return last == groups.rend() ? nullptr : &*last;
}

}  // namespace

bool is_frozen(std::string_view name, const ParameterGroups& groups) {
  const proto::ParameterGroup* const group = group_of(name, groups);
  return group != nullptr && group->frozen();
}

Treatment treatment_of(const TensorInfo& tensor, const proto::Optimizer& spec, const ParameterGroups& groups) {
  Treatment treatment{.weight_decay = spec.weight_decay(), .l1_decay = spec.l1_decay()};
  if (const proto::ParameterGroup* const group = group_of(tensor.name, groups)) {
    if (group->has_weight_decay()) treatment.weight_decay = group->weight_decay();
    if (group->has_l1_decay()) treatment.l1_decay = group->l1_decay();
    treatment.rate_scale = group->rate_scale();
    treatment.is_frozen = group->frozen();
  }
  if (!tensor.is_weights && !spec.decay_all()) treatment.weight_decay = treatment.l1_decay = 0;
  return treatment;
}

void check_groups(std::span<const TensorInfo> trained, std::span<const TensorInfo> frozen,
                  const ParameterGroups& groups, Faults& faults) {
  std::vector<std::string> names;
  for (const std::span<const TensorInfo> tensors : {trained, frozen}) {
    for (const TensorInfo& tensor : tensors) {
      if (!tensor.is_statistic) names.push_back(tensor.name);
    }
  }
  for (int i = 0; i < groups.size(); ++i) {
    const std::string& pattern = groups[i].match();
    const bool is_changed = groups[i].rate_scale() != 1 || groups[i].has_weight_decay() || groups[i].has_l1_decay();
    if (groups[i].frozen() && is_changed) {
      faults.add(fmt::format("parameters[{}].frozen", i),
                 "what is frozen has neither rate_scale nor weight_decay nor l1_decay: leave out one or the other");
    }
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return matches(pattern, name); })) {
      continue;
    }
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
