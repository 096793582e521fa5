#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/search/space.h"

namespace lockstep {
namespace {

constexpr int kMostParameters = 100;
constexpr int kMostValues = 1000;
constexpr int kMostChoices = 1000;     // of all parameters together
constexpr int kMostSettings = 10'000;  // of all choices together
constexpr std::size_t kLongestName = 64;
// Whole numbers up to here are exact as double, which assignments hold.
constexpr std::int64_t kLargestInt = std::int64_t(1) << 53;

bool admitted_in_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

class ParameterCheck {
 public:
  ParameterCheck(const Parameters& parameters, Faults& faults) : parameters_(parameters), faults_(faults) {}

  void check(int index, const std::string& path) {
    const proto::Parameter& parameter = parameters_[index];
    const std::string name_path = path_of(path, "name");
    check_name(parameter.name(), name_path);
    const auto same = [&](const proto::Parameter& other) { return other.name() == parameter.name(); };
    const auto own = parameters_.begin() + index;
    if (!parameter.name().empty() && std::any_of(parameters_.begin(), own, same))
      fault(name_path, fmt::format("expected a name of its own, got \"{}\" again", parameter.name()));
    check_path(parameter, path_of(path, "path"));
    check_domain(parameter, path);
    if (parameter.has_condition()) check_condition(index, path_of(path, "condition"));
  }

 private:
  void fault(const std::string& path, std::string_view message) {
    if (!faults_.has_at(path)) faults_.add(path, message);
  }

  void check_name(const std::string& name, const std::string& path) {
    if (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), admitted_in_name)) {
      fault(path, fmt::format("expected 1 to {} letters, digits, or any of _ . -, got \"{}\"", kLongestName, name));
    }
  }

  void check_path(const proto::Parameter& parameter, const std::string& path) {
    if (parameter.has_categorical() && parameter.has_path())
      fault(path, "expected none: the choices of a categorical parameter say what they `set`");
    if (!parameter.has_categorical() && parameter.path().empty())
      fault(path, "expected the field of the job that it sets, such as \"optimizer.sgd.momentum\"");
  }

  void check_domain(const proto::Parameter& parameter, const std::string& path) {
    switch (parameter.domain_case()) {
      case proto::Parameter::kFloat:
        return check_float(parameter.float_(), path_of(path, "float"));
      case proto::Parameter::kInt:
        return check_int(parameter.int_(), path_of(path, "int"));
      case proto::Parameter::kDiscrete:
        return check_discrete(parameter.discrete(), path_of(path, "discrete"));
      case proto::Parameter::kCategorical:
        return check_categorical(parameter.categorical(), path_of(path, "categorical"));
      case proto::Parameter::DOMAIN_NOT_SET:
        return fault(path, "expected one of float, int, discrete, categorical");
    }
  }

  void check_float(const proto::FloatRange& range, const std::string& path) {
    if (!std::isfinite(range.min())) fault(path_of(path, "min"), "expected a finite number");
    if (!std::isfinite(range.max())) fault(path_of(path, "max"), "expected a finite number");
    check_order(range, path);
  }

  void check_int(const proto::IntRange& range, const std::string& path) {
    for (const auto& [name, bound] : {std::pair("min", range.min()), std::pair("max", range.max())}) {
      if (bound < -kLargestInt || bound > kLargestInt)
        fault(path_of(path, name), fmt::format("expected -2^53 to 2^53, got {}", bound));
    }
    check_order(range, path);
  }

  template <typename Range>
  void check_order(const Range& range, const std::string& path) {
    if (range.log() && range.min() <= 0)
      fault(path_of(path, "min"), fmt::format("expected more than 0 on a logarithmic scale, got {}", range.min()));
    if (range.min() > range.max())
      fault(path_of(path, "max"), fmt::format("expected at least min, {}, got {}", range.min(), range.max()));
  }

  void check_discrete(const proto::Discrete& discrete, const std::string& path) {
    const std::string value_path = path_of(path, "value");
    if (discrete.value().empty()) fault(value_path, "expected at least one value");
    if (discrete.value_size() > kMostValues)
      fault(value_path, fmt::format("expected at most {}, got {}", kMostValues, discrete.value_size()));
    for (int i = 0; i < discrete.value_size(); ++i) {
      const double value = discrete.value(i);
      if (!std::isfinite(value)) {
        fault(path_of(value_path, i), "expected a finite number");
      } else if (i > 0 && value <= discrete.value(i - 1)) {
        fault(path_of(value_path, i),
              fmt::format("expected more than the value before, {}, got {}", discrete.value(i - 1), value));
      }
    }
  }

  void check_categorical(const proto::Categorical& categorical, const std::string& path) {
    const std::string choices = path_of(path, "choice");
    if (categorical.choice().empty()) fault(choices, "expected at least one choice");
    std::set<std::string> names;
    for (int i = 0; i < categorical.choice_size(); ++i) {
      const std::string& name = categorical.choice(i).name();
      const std::string name_path = path_of(path_of(choices, i), "name");
      check_name(name, name_path);
      if (!names.insert(name).second && !name.empty())
        fault(name_path, fmt::format("expected a name of its own, got \"{}\" again", name));
    }
  }

  void check_condition(int index, const std::string& path) {
    const proto::Condition& condition = parameters_[index].condition();
    const std::string is_path = path_of(path, "is");
    if (condition.is_size() == 0) fault(is_path, "expected at least one name of a choice");
    if (condition.is_size() > kMostChoices)
      return fault(is_path, fmt::format("expected at most {}, got {}", kMostChoices, condition.is_size()));
    const auto own = parameters_.begin() + index;
    const auto parent = std::find_if(parameters_.begin(), own, [&](const proto::Parameter& above) {
      return above.name() == condition.parameter() && above.has_categorical();
    });
    if (parent == own) {
      return fault(path_of(path, "parameter"),
                   fmt::format("expected a categorical parameter above this one, got \"{}\"", condition.parameter()));
    }
    std::vector<std::string> names;
    for (const proto::Choice& choice : parent->categorical().choice()) {
      if (std::ssize(names) < kMostChoices && choice.name().size() <= kLongestName) names.push_back(choice.name());
    }
    for (int i = 0; i < condition.is_size(); ++i) {
      if (std::find(names.begin(), names.end(), condition.is(i)) != names.end()) continue;
      const std::string near = condition.is(i).size() > kLongestName ? "" : nearest(condition.is(i), names);
      fault(path_of(is_path, i), fmt::format("expected a choice of {}, got \"{}\"{}", parent->name(), condition.is(i),
                                             near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
    }
  }

  const Parameters& parameters_;
  Faults& faults_;
};

}  // namespace

void check_parameters(const Parameters& parameters, std::string_view path, Faults& faults) {
  if (parameters.empty()) faults.add(path, "expected at least one parameter: what is searched for");
  if (parameters.size() > kMostParameters)
    faults.add(path, fmt::format("expected at most {} parameters, got {}", kMostParameters, parameters.size()));
  int choices = 0;
  int settings = 0;
  for (const proto::Parameter& parameter : parameters) {
    choices += parameter.categorical().choice_size();
    for (const proto::Choice& choice : parameter.categorical().choice()) settings += choice.set_size();
  }
  if (choices > kMostChoices)
    faults.add(path, fmt::format("expected at most {} choices in all, got {}", kMostChoices, choices));
  if (settings > kMostSettings)
    faults.add(path, fmt::format("expected at most {} assignments of choices in all, got {}", kMostSettings, settings));
  ParameterCheck check(parameters, faults);
  // The others only after these are fewer: looking at all of a hostile sweep would take minutes.
  for (int i = 0; i < std::min(parameters.size(), kMostParameters); ++i) check.check(i, path_of(path, i));
}

}  // namespace lockstep
