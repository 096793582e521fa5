#include "coordinator/sweep/resolved_jobs.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/search/search.h"
#include "coordinator/sweep/trial_job.h"

namespace lockstep {
namespace {

using Assignments = std::vector<proto::Assignment>;
using Lines = std::set<std::string>;  // what is wrong with a job

constexpr std::int64_t kAllWholeNumbers = 1000;
constexpr std::size_t kMostJobs = 10'000;
constexpr int kMostCombinations = 1000;
constexpr int kMostTold = 20;  // combinations
// Between two ends: seldom a whole number, so that a field of whole numbers is seen not to take it.
constexpr double kBetween = 0.381966;

std::vector<double> whole_numbers(const proto::IntRange& range, bool all) {
  std::set<std::int64_t> numbers{range.min(), range.min() + (range.max() - range.min()) / 2, range.max()};
  const bool few = all && range.max() - range.min() < kAllWholeNumbers;
  for (std::int64_t i = range.min(); few && i < range.max(); ++i) numbers.insert(i);
  if (range.max() > range.min()) numbers.insert({range.min() + 1, range.max() - 1});
  return {numbers.begin(), numbers.end()};
}

// Numbers of a parameter that has such.
std::vector<double> numbers(const proto::Parameter& parameter, bool all) {
  if (parameter.has_int_()) return whole_numbers(parameter.int_(), all);
  if (parameter.has_discrete()) {
    const auto& value = parameter.discrete().value();
    if (all) return {value.begin(), value.end()};
    return {value[0], value[value.size() - 1]};
  }
  const proto::FloatRange& range = parameter.float_();
  if (range.min() == range.max()) return {range.min()};
  return {range.min(), range.max(), std::lerp(range.min(), range.max(), kBetween)};
}

Assignments samples(const proto::Parameter& parameter, bool all) {
  Assignments assignments;
  const auto add = [&]() -> proto::Assignment& {
    assignments.emplace_back().set_name(parameter.name());
    return assignments.back();
  };
  for (const proto::Choice& choice : parameter.categorical().choice()) add().set_choice(choice.name());
  if (parameter.has_categorical()) return assignments;
  for (const double number : numbers(parameter, all)) add().set_number(number);
  return assignments;
}

class JobsCheck {
 public:
  JobsCheck(const proto::SweepSpec& spec, const JobRule& rule, Faults& faults)
      : spec_(spec), rule_(rule), faults_(faults), space_(spec.parameter()) {
    std::size_t jobs = 0;
    for (const proto::Parameter& it : spec.parameter()) {
      jobs += samples(it, true).size() + static_cast<std::size_t>(it.condition().is_size());
    }
    few_ = jobs <= kMostJobs;
    for (const proto::Parameter& it : spec.parameter()) samples_.push_back(samples(it, few_));
    told_ = lines({}, [](const proto::Job&, Faults&) {});  // of the job itself: those have been told
  }

  void check() {
    for (int i = 0; i < spec_.parameter_size(); ++i) check_parameter(i);
    check_combinations();
  }

 private:
  Lines lines(const Assignments& assignments) const { return lines(assignments, rule_); }

  Lines lines(const Assignments& assignments, const JobRule& rule) const {
    Faults faults;
    proto::Job job = spec_.job();
    // One that undoes another is found by check_overlaps.
    for (const std::string& line : overrides(spec_.parameter(), assignments)) set_by_path(line, job, faults);
    check_trial_job(job, faults);
    rule(job, faults);
    Lines lines;
    const std::string text(faults.status("job").message());
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      lines.emplace(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
  }

  // Everything that is there when each parameter has this value of its samples; `without` is left out.
  Assignments combination(const std::vector<std::size_t>& picked, int without) const {
    Assignments assignments;
    std::vector<bool> is_there;
    for (int i = 0; i < spec_.parameter_size(); ++i) {
      const int parent = space_.parent(i);
      const auto& is = spec_.parameter(i).condition().is();
      is_there.push_back(parent < 0 || (is_there[static_cast<std::size_t>(parent)] &&
                                        std::find(is.begin(), is.end(), sample(picked, parent).choice()) != is.end()));
      if (is_there.back() && i != without) assignments.push_back(sample(picked, i));
    }
    return assignments;
  }

  const proto::Assignment& sample(const std::vector<std::size_t>& picked, int parameter) const {
    const auto i = static_cast<std::size_t>(parameter);
    return samples_[i][picked[i]];
  }

  // Picks choices so that the parameter is there: of its own condition that with this number, of those above the first.
  void admit(int parameter, int number, std::vector<std::size_t>& picked) const {
    for (; space_.parent(parameter) >= 0; parameter = space_.parent(parameter), number = 0) {
      const auto parent = static_cast<std::size_t>(space_.parent(parameter));
      const std::string& choice = spec_.parameter(parameter).condition().is(number);
      const auto at = std::find_if(samples_[parent].begin(), samples_[parent].end(),
                                   [&](const proto::Assignment& it) { return it.choice() == choice; });
      picked[parent] = static_cast<std::size_t>(at - samples_[parent].begin());
    }
  }

  void check_parameter(int i) {
    const int conditions = std::max(1, few_ ? spec_.parameter(i).condition().is_size() : 1);
    for (int condition = 0; condition < conditions; ++condition) {
      std::vector<std::size_t> picked(samples_.size(), 0);
      admit(i, condition, picked);
      const Lines before = lines(combination(picked, i));
      const std::size_t values = condition == 0 ? samples_[static_cast<std::size_t>(i)].size() : 1;
      for (std::size_t value = 0; value < values; ++value) {
        picked[static_cast<std::size_t>(i)] = value;
        Lines found = lines(combination(picked, -1));
        for (const std::string& line : before) found.erase(line);
        if (add(i, value, found) && !spec_.parameter(i).has_categorical()) return;  // one value is enough
      }
    }
  }

  bool add(int i, std::size_t value, const Lines& found) {
    std::string path = path_of("parameter", i);
    if (spec_.parameter(i).has_categorical()) {
      path = path_of(path_of(path_of(path, "categorical"), "choice"), static_cast<int>(value));
    }
    bool added = false;
    for (const std::string& line : found) {
      if (!told_.insert(line).second) continue;
      faults_.add(path, fmt::format("the job does not take it: {}", line));
      added = true;
    }
    return added;
  }

  void check_combinations() {
    proto::Search all;
    all.mutable_grid()->set_steps(3);
    const int combinations = most_trials(all, space_);
    if (combinations > kMostCombinations) return;
    int told = 0;
    for (int i = 0; i < combinations && told < kMostTold; ++i) {
      const Assignments assignments = suggest(all, space_, {}, 0, i).assignments;
      for (const std::string& line : lines(assignments)) {
        if (!told_.insert(line).second) continue;
        ++told;
        faults_.add("parameter", fmt::format("the job does not take {}: {}", text(assignments), line));
      }
    }
  }

  static std::string text(const Assignments& assignments) {
    std::string text;
    for (const proto::Assignment& it : assignments) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", it.name(),
                          it.has_choice() ? it.choice() : fmt::format("{}", it.number()));
    }
    return text;
  }

  const proto::SweepSpec& spec_;
  const JobRule& rule_;
  Faults& faults_;
  const SearchSpace space_;
  bool few_ = false;
  std::vector<Assignments> samples_;
  Lines told_;
};

}  // namespace

void check_resolved_jobs(const proto::SweepSpec& spec, const JobRule& rule, Faults& faults) {
  JobsCheck(spec, rule, faults).check();
}

}  // namespace lockstep
