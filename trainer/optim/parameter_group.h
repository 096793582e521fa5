// What each part of the parameter arena gets: penalties and learning rate, as the optimizer and groups of parameters
// say. As few runs as possible, so that an update is one vectorised loop per run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "trainer/tensor/tensor.h"

namespace lockstep {

class Faults;

namespace proto {
class Optimizer;  // proto/optimizer.pb.h
class ParameterGroup;
}  // namespace proto

using ParameterGroups = google::protobuf::RepeatedPtrField<proto::ParameterGroup>;

// What is done to the elements of a tensor.
struct Treatment {
  float weight_decay = 0;
  float rate_scale = 1;
  bool is_frozen = false;  // nothing
  float l1_decay = 0;
  bool operator==(const Treatment&) const = default;
};

// Of the groups that match its name the last one counts. Weights get its weight_decay or else spec.weight_decay, biases
// and batch-norm parameters 0 unless spec.decay_all; l1_decay likewise.
Treatment treatment_of(const TensorInfo& tensor, const proto::Optimizer& spec, const ParameterGroups& groups);

// Whether `pattern`, in which `*` stands for any characters, is the whole of `name`.
bool matches(std::string_view pattern, std::string_view name);

// Of the groups that match the name the last one counts.
bool is_frozen(std::string_view name, const ParameterGroups& groups);

// `trained` and `frozen` are all of a network. Faults, at "parameters[i]": a group that matches no parameter, or that
// is frozen and says how it is trained.
void check_groups(std::span<const TensorInfo> trained, std::span<const TensorInfo> frozen,
                  const ParameterGroups& groups, Faults& faults);

// Elements [begin, end) of the arena.
struct ParameterRun {
  std::size_t begin = 0;
  std::size_t end = 0;
  Treatment treatment;
};

// Calls visit(run) with what of each run lies in [begin, end).
template <class Visit>
void for_each_part(std::span<const ParameterRun> runs, std::size_t begin, std::size_t end, const Visit& visit) {
  for (const ParameterRun& run : runs) {
    const ParameterRun part{std::max(begin, run.begin), std::min(end, run.end), run.treatment};
    if (part.begin < part.end) visit(part);
  }
}

// Ensures: runs in order, not empty, covering [0, arena_elements) without gaps; neighbours differ in treatment. Padding
// between tensors goes with the tensor before it. Requires: parameters in arena order, inside the arena.
std::vector<ParameterRun> parameter_runs(const proto::Optimizer& spec, const ParameterGroups& groups,
                                         std::span<const TensorInfo> parameters, std::size_t arena_elements);

}  // namespace lockstep
