// The search space of a sweep: parameters as coordinates of a unit cube.
//
// Each parameter is one dimension. A coordinate in [0, 1] stands for a value: a real number on its (logarithmic)
// scale, or the value in whose bin it lies. Bins are equal, except those of a logarithmic int, which reach from
// log(value - 1/2) to log(value + 1/2). A parameter is active when it has no condition, or the parameter that its
// condition names is itself active and has one of the choices.
// Threads: const members from any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/event.pb.h"
#include "proto/sweep.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {

using Parameters = google::protobuf::RepeatedPtrField<proto::Parameter>;

// Adds a fault for everything that a search space may not be. `path` is that of the list: faults are at paths such as
// "parameter[2].float.min". What `faults` already has at a path is not said again: call check_limits before.
void check_parameters(const Parameters& parameters, std::string_view path, Faults& faults);

class SearchSpace {
 public:
  // Requires: check_parameters found no fault.
  explicit SearchSpace(const Parameters& parameters);

  int dimensions() const { return parameters_.size(); }
  const proto::Parameter& parameter(int dimension) const { return parameters_[dimension]; }
  // The dimension that the condition of this one names, which is a smaller one; -1: none.
  int parent(int dimension) const { return conditions_[dimension].parent; }
  // How many values there are; infinity for a real number.
  double values(int dimension) const;
  bool categorical(int dimension) const { return parameters_[dimension].has_categorical(); }

  // The coordinate of value number `index` of a dimension that has finitely many.
  double coordinate(int dimension, int index) const;
  // The coordinate that stands for all of the bin: coordinates of one value become one.
  double snapped(int dimension, double coordinate) const;
  // Every coordinate snapped, 0.5 where not active: equal for equal assignments.
  std::vector<double> snapped(std::span<const double> unit) const;

  // Whether the choice of its parent admits a dimension, be the parent active or not.
  bool admits(int dimension, std::span<const double> unit) const;
  // Whether a dimension is active.
  bool has(std::span<const double> unit, int dimension) const;
  // The values of the active parameters, in their order.
  std::vector<proto::Assignment> at(std::span<const double> unit) const;
  // The inverse: snapped coordinates, 0.5 where nothing is assigned. Names that are no parameter's are passed over.
  std::vector<double> unit_of(std::span<const proto::Assignment> assignments) const;

 private:
  struct Condition {
    int parent = -1;
    std::vector<bool> admits;  // by choice of the parent
  };

  // Number of the choice in whose bin a coordinate lies.
  int choice_at(int dimension, double coordinate) const;
  double number_at(int dimension, double coordinate) const;
  double coordinate_of_number(int dimension, double number) const;

  Parameters parameters_;
  std::vector<Condition> conditions_;
};

// What the assignments set in a job, in parameter order, each as set_by_path takes it: "optimizer.sgd.momentum=0.9".
std::vector<std::string> overrides(const Parameters& parameters, std::span<const proto::Assignment> assignments);

}  // namespace lockstep
