#include "coordinator/search/space.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lockstep {
namespace {

int choice_named(const proto::Categorical& categorical, std::string_view name) {
  for (int i = 0; i < categorical.choice_size(); ++i) {
    if (categorical.choice(i).name() == name) return i;
  }
  return -1;
}

// Number of the bin, of `bins` equal ones, in which a coordinate lies.
double bin_at(double coordinate, double bins) {
  return std::clamp(std::floor(coordinate * bins), 0.0, bins - 1);
}
double middle_of(double bin, double bins) {
  return (bin + 0.5) / bins;
}

// The ends of the logarithmic scale of an int.
double log_low(const proto::IntRange& range) {
  return std::log(static_cast<double>(range.min()) - 0.5);
}
double log_high(const proto::IntRange& range) {
  return std::log(static_cast<double>(range.max()) + 0.5);
}

double int_at(const proto::IntRange& range, double coordinate) {
  const auto min = static_cast<double>(range.min());
  const auto max = static_cast<double>(range.max());
  if (!range.log()) return min + bin_at(coordinate, max - min + 1);
  return std::clamp(std::round(std::exp(std::lerp(log_low(range), log_high(range), coordinate))), min, max);
}

double coordinate_of_int(const proto::IntRange& range, double number) {
  const auto min = static_cast<double>(range.min());
  const auto max = static_cast<double>(range.max());
  if (!range.log()) return middle_of(bin_at((number - min + 0.5) / (max - min + 1), max - min + 1), max - min + 1);
  const double low = log_low(range);
  return std::clamp((std::log(std::max(number, min)) - low) / (log_high(range) - low), 0.0, 1.0);
}

double float_at(const proto::FloatRange& range, double coordinate) {
  // The ends exactly, which exp and log would miss.
  if (coordinate <= 0) return range.min();
  if (coordinate >= 1) return range.max();
  const double number = range.log() ? std::exp(std::lerp(std::log(range.min()), std::log(range.max()), coordinate))
                                    : std::lerp(range.min(), range.max(), coordinate);
  return std::clamp(number, range.min(), range.max());
}

double coordinate_of_float(const proto::FloatRange& range, double number) {
  // Halves, so that the width of the widest range is a number.
  const auto scaled = [&](double x) { return range.log() ? std::log(std::max(x, range.min())) : x / 2; };
  const double width = scaled(range.max()) - scaled(range.min());
  return width > 0 ? std::clamp((scaled(number) - scaled(range.min())) / width, 0.0, 1.0) : 0.5;
}

double coordinate_of_discrete(const proto::Discrete& discrete, double number) {
  const auto at = std::lower_bound(discrete.value().begin(), discrete.value().end(), number);
  return middle_of(std::min<double>(at - discrete.value().begin(), discrete.value_size() - 1), discrete.value_size());
}

}  // namespace

SearchSpace::SearchSpace(const Parameters& parameters) : parameters_(parameters), conditions_(parameters.size()) {
  for (int d = 0; d < dimensions(); ++d) {
    if (!parameters_[d].has_condition()) continue;
    const proto::Condition& given = parameters_[d].condition();
    Condition& condition = conditions_[d];
    for (int above = 0; above < d; ++above) {
      if (parameters_[above].name() == given.parameter()) condition.parent = above;
    }
    CHECK(condition.parent >= 0 && categorical(condition.parent), "condition on {}", given.parameter());
    const proto::Categorical& choices = parameters_[condition.parent].categorical();
    condition.admits.resize(choices.choice_size());
    for (const std::string& name : given.is()) {
      const int choice = choice_named(choices, name);
      CHECK(choice >= 0, "no choice {} of {}", name, given.parameter());
      condition.admits[choice] = true;
    }
  }
}

double SearchSpace::values(int dimension) const {
  const proto::Parameter& parameter = parameters_[dimension];
  switch (parameter.domain_case()) {
    case proto::Parameter::kFloat:
      return parameter.float_().min() < parameter.float_().max() ? std::numeric_limits<double>::infinity() : 1;
    case proto::Parameter::kInt:
      return static_cast<double>(parameter.int_().max()) - static_cast<double>(parameter.int_().min()) + 1;
    case proto::Parameter::kDiscrete:
      return parameter.discrete().value_size();
    case proto::Parameter::kCategorical:
      return parameter.categorical().choice_size();
    case proto::Parameter::DOMAIN_NOT_SET:
      break;
  }
  CHECK(false, "parameter {} has no domain", parameter.name());
}

double SearchSpace::coordinate(int dimension, int index) const {
  CHECK(index >= 0 && index < values(dimension), "value {} of {}", index, values(dimension));
  const proto::Parameter& parameter = parameters_[dimension];
  if (parameter.has_float_()) return coordinate_of_number(dimension, parameter.float_().min());
  if (parameter.has_int_()) return coordinate_of_number(dimension, static_cast<double>(parameter.int_().min() + index));
  return middle_of(index, values(dimension));
}

double SearchSpace::snapped(int dimension, double coordinate) const {
  if (categorical(dimension)) return middle_of(choice_at(dimension, coordinate), values(dimension));
  return coordinate_of_number(dimension, number_at(dimension, coordinate));
}

std::vector<double> SearchSpace::snapped(std::span<const double> unit) const {
  std::vector<double> result(dimensions(), 0.5);
  for (int d = 0; d < dimensions(); ++d) {
    if (has(unit, d)) result[d] = snapped(d, unit[d]);
  }
  return result;
}

bool SearchSpace::admits(int dimension, std::span<const double> unit) const {
  const Condition& condition = conditions_[dimension];
  return condition.parent < 0 || condition.admits[choice_at(condition.parent, unit[condition.parent])];
}

bool SearchSpace::has(std::span<const double> unit, int dimension) const {
  return admits(dimension, unit) && (parent(dimension) < 0 || has(unit, parent(dimension)));
}

std::vector<proto::Assignment> SearchSpace::at(std::span<const double> unit) const {
  CHECK(static_cast<int>(unit.size()) == dimensions(), "{} coordinates, {} dimensions", unit.size(), dimensions());
  std::vector<proto::Assignment> result;
  for (int d = 0; d < dimensions(); ++d) {
    if (!has(unit, d)) continue;
    proto::Assignment& assignment = result.emplace_back();
    assignment.set_name(parameters_[d].name());
    if (categorical(d)) {
      assignment.set_choice(parameters_[d].categorical().choice(choice_at(d, unit[d])).name());
    } else {
      assignment.set_number(number_at(d, unit[d]));
    }
  }
  return result;
}

std::vector<double> SearchSpace::unit_of(std::span<const proto::Assignment> assignments) const {
  std::vector<double> unit(dimensions(), 0.5);
  int next = 0;  // assignments come in parameter order, so this is where the search usually ends
  for (const proto::Assignment& assignment : assignments) {
    for (int looked_at = 0; looked_at < dimensions(); ++looked_at) {
      const int d = (next + looked_at) % dimensions();
      if (parameters_[d].name() != assignment.name()) continue;
      if (categorical(d)) {
        const int choice = choice_named(parameters_[d].categorical(), assignment.choice());
        if (choice >= 0) unit[d] = middle_of(choice, values(d));
      } else {
        unit[d] = coordinate_of_number(d, assignment.number());
      }
      next = d + 1;
      break;
    }
  }
  return unit;
}

int SearchSpace::choice_at(int dimension, double coordinate) const {
  return static_cast<int>(bin_at(coordinate, values(dimension)));
}

double SearchSpace::number_at(int dimension, double coordinate) const {
  const proto::Parameter& parameter = parameters_[dimension];
  if (parameter.has_float_()) return float_at(parameter.float_(), coordinate);
  if (parameter.has_int_()) return int_at(parameter.int_(), coordinate);
  return parameter.discrete().value(static_cast<int>(bin_at(coordinate, values(dimension))));
}

double SearchSpace::coordinate_of_number(int dimension, double number) const {
  const proto::Parameter& parameter = parameters_[dimension];
  if (parameter.has_float_()) return coordinate_of_float(parameter.float_(), number);
  if (parameter.has_int_()) return coordinate_of_int(parameter.int_(), number);
  return coordinate_of_discrete(parameter.discrete(), number);
}

std::vector<std::string> overrides(const Parameters& parameters, std::span<const proto::Assignment> assignments) {
  std::vector<std::string> result;
  for (const proto::Parameter& parameter : parameters) {
    const auto assignment = std::find_if(assignments.begin(), assignments.end(),
                                         [&](const proto::Assignment& one) { return one.name() == parameter.name(); });
    if (assignment == assignments.end()) continue;
    if (parameter.has_categorical()) {
      const int choice = choice_named(parameter.categorical(), assignment->choice());
      CHECK(choice >= 0, "no choice {} of {}", assignment->choice(), parameter.name());
      for (const std::string& set : parameter.categorical().choice(choice).set()) result.push_back(set);
    } else if (parameter.has_int_()) {
      result.push_back(fmt::format("{}={}", parameter.path(), static_cast<std::int64_t>(assignment->number())));
    } else {
      result.push_back(fmt::format("{}={}", parameter.path(), assignment->number()));
    }
  }
  return result;
}

}  // namespace lockstep
