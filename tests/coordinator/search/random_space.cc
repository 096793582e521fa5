#include "tests/coordinator/search/random_space.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "storage/base/philox.h"

namespace lockstep {
namespace {

void add_domain(proto::Parameter& parameter, int index, Philox& random) {
  const bool log = random.below(2) == 0;
  // The first is categorical, so that conditions have something to stand on.
  switch (index == 0 ? 3 : random.below(4)) {
    case 0:
      parameter.mutable_float_()->set_min(log ? 1e-5 : -3);
      parameter.mutable_float_()->set_max(log ? 10 : -3 + random.uniform());
      parameter.mutable_float_()->set_log(log);
      break;
    case 1:
      parameter.mutable_int_()->set_min(log ? 1 : -2);
      parameter.mutable_int_()->set_max(1 + random.below(300));
      parameter.mutable_int_()->set_log(log);
      break;
    case 2:
      for (std::uint32_t i = 0; i <= random.below(5); ++i) parameter.mutable_discrete()->add_value(i * i - 0.5);
      break;
    default:
      for (std::uint32_t i = 0; i <= 1 + random.below(3); ++i)
        parameter.mutable_categorical()->add_choice()->set_name(fmt::format("c{}", i));
  }
  if (!parameter.has_categorical()) parameter.set_path("batch");
}

bool in_range(const proto::Parameter& parameter, const proto::Assignment& assignment) {
  if (parameter.has_categorical()) {
    const auto& choices = parameter.categorical().choice();
    return assignment.has_choice() && !assignment.has_number() &&
           std::any_of(choices.begin(), choices.end(), [&](const auto& c) { return c.name() == assignment.choice(); });
  }
  const double number = assignment.number();
  if (!assignment.has_number() || assignment.has_choice()) return false;
  if (parameter.has_discrete()) {
    const auto& values = parameter.discrete().value();
    return std::find(values.begin(), values.end(), number) != values.end();
  }
  if (parameter.has_float_()) return number >= parameter.float_().min() && number <= parameter.float_().max();
  return number == std::floor(number) && number >= static_cast<double>(parameter.int_().min()) &&
         number <= static_cast<double>(parameter.int_().max());
}

}  // namespace

Parameters random_parameters(std::uint64_t seed) {
  Philox random(seed, Purpose::kSynthetic, 1, 0);
  Parameters parameters;
  std::vector<int> categorical;
  const int count = 1 + static_cast<int>(random.below(8));
  for (int i = 0; i < count; ++i) {
    proto::Parameter& parameter = *parameters.Add();
    parameter.set_name(fmt::format("p{}", i));
    add_domain(parameter, i, random);
    if (!categorical.empty() && random.below(2) == 0) {
      const proto::Parameter& parent =
          parameters[categorical[random.below(static_cast<std::uint32_t>(categorical.size()))]];
      parameter.mutable_condition()->set_parameter(parent.name());
      parameter.mutable_condition()->add_is("c0");
      if (random.below(2) == 0) parameter.mutable_condition()->add_is(parent.categorical().choice(1).name());
    }
    if (parameter.has_categorical() && parameter.categorical().choice_size() > 1) categorical.push_back(i);
  }
  Faults faults;
  check_parameters(parameters, "parameter", faults);
  CHECK(faults.empty(), "{}", faults.status("random").ToString());
  return parameters;
}

std::string fault_in(const Parameters& parameters, std::span<const proto::Assignment> assignments) {
  std::map<std::string, std::string> chosen;  // of the active categorical parameters
  std::size_t next = 0;
  for (const proto::Parameter& parameter : parameters) {
    const auto& is = parameter.condition().is();
    const auto parent = chosen.find(parameter.condition().parameter());
    const bool active = !parameter.has_condition() ||
                        (parent != chosen.end() && std::find(is.begin(), is.end(), parent->second) != is.end());
    if (!active) continue;
    if (next == assignments.size() || assignments[next].name() != parameter.name())
      return fmt::format("{} is missing", parameter.name());
    if (!in_range(parameter, assignments[next])) return assignments[next].ShortDebugString();
    if (parameter.has_categorical()) chosen[parameter.name()] = assignments[next].choice();
    ++next;
  }
  return next == assignments.size() ? "" : fmt::format("{} is too many", assignments[next].name());
}

std::string text_of(std::span<const proto::Assignment> assignments) {
  std::string text;
  for (const proto::Assignment& assignment : assignments)
    text += fmt::format("{}={:a}{} ", assignment.name(), assignment.number(), assignment.choice());
  return text;
}

}  // namespace lockstep
