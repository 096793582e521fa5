#include "coordinator/sweep/overlap.h"

#include <algorithm>
#include <map>
#include <set>

#include "coordinator/search/space.h"
#include "coordinator/sweep/trial_job.h"
#include "storage/base/text_proto_setting.h"

namespace lockstep {
namespace {

// Choices that are left of categorical parameters, by the parameter's place.
using Left = std::map<int, std::set<std::string>>;

struct Source {
  std::string choice;  // empty: not of a choice
  std::string path;    // where in the spec
  Setting setting;
  bool of_job = false;  // not set, but an alternative of the job itself that the choice stands for
};

struct Node {
  Left needs;  // for it to be there
  std::vector<Source> sources;
};

bool is_within(std::string_view path, std::string_view outer) {
  return path.starts_with(outer) && (path.size() == outer.size() || path[outer.size()] == '.');
}

// Why a field is none for a parameter; empty: it may be.
std::string why_ruled(const Setting& setting) {
  for (const auto& [field, reason] : kRuledFields) {
    for (const std::string& given : setting.fields()) {
      if (is_within(given, field)) return fmt::format("{} is no parameter: {}", given, reason);
    }
  }
  return "";
}

void narrow(Left& left, int parameter, const std::set<std::string>& choices) {
  const auto [at, is_new] = left.emplace(parameter, choices);
  if (is_new) return;
  std::erase_if(at->second, [&](const std::string& choice) { return !choices.contains(choice); });
}

bool admits(const Left& left, int parameter, const std::string& choice) {
  const auto at = left.find(parameter);
  return at == left.end() || choice.empty() || at->second.contains(choice);
}

class OverlapCheck {
 public:
  OverlapCheck(const proto::SweepSpec& spec, Faults& faults) : spec_(spec), faults_(faults) {
    for (int i = 0; i < spec.parameter_size(); ++i) {
      nodes_.push_back({needs(i), {}});
      add_sources(i, nodes_.back().sources);
    }
  }

  void check() {
    for (int later = 0; later < std::ssize(nodes_); ++later) {
      for (const Source& source : nodes_[static_cast<std::size_t>(later)].sources) {
        const std::string why = source.of_job ? "" : why_ruled(source.setting);
        if (!why.empty() && !faults_.has_at(source.path)) faults_.add(source.path, why);
      }
      check_choices(nodes_[static_cast<std::size_t>(later)]);
      for (int earlier = 0; earlier < later; ++earlier) check_pair(earlier, later);
    }
  }

 private:
  // What the conditions above a parameter leave of the categorical ones.
  Left needs(int parameter) const {
    Left left;
    while (spec_.parameter(parameter).has_condition()) {
      const proto::Condition& condition = spec_.parameter(parameter).condition();
      for (parameter = 0; spec_.parameter(parameter).name() != condition.parameter();) ++parameter;
      narrow(left, parameter, {condition.is().begin(), condition.is().end()});
    }
    return left;
  }

  void add(const std::string& line, const std::string& choice, const std::string& path, std::vector<Source>& sources) {
    std::optional<Setting> setting = Setting::of(line, *proto::Job::descriptor());
    if (setting.has_value()) sources.push_back({choice, path, *std::move(setting)});
  }

  void add_sources(int i, std::vector<Source>& sources) {
    const proto::Parameter& parameter = spec_.parameter(i);
    const std::string path = path_of("parameter", i);
    for (int c = 0; c < parameter.categorical().choice_size(); ++c) {
      const proto::Choice& choice = parameter.categorical().choice(c);
      const std::string choice_path = path_of(path_of(path_of(path, "categorical"), "choice"), c);
      for (int line = 0; line < choice.set_size(); ++line) {
        add(choice.set(line), choice.name(), path_of(path_of(choice_path, "set"), line), sources);
      }
    }
    if (parameter.has_categorical()) return add_alternatives_of_job(parameter.categorical(), path, sources);
    // Two values, so that none of them is by chance what another parameter gives.
    for (const char* value : {"0", "1"}) add(parameter.path() + "=" + value, "", path_of(path, "path"), sources);
  }

  // For a choice beside which another one says which alternative of a oneof holds.
  void add_alternatives_of_job(const proto::Categorical& categorical, const std::string& path,
                               std::vector<Source>& sources) {
    std::map<std::string, std::string> of_job;
    std::map<std::string, std::set<std::string>> chosen;  // by choice
    for (const Source& source : sources) {
      for (const auto& [oneof, alternative] : source.setting.alternatives_in(spec_.job())) {
        of_job[oneof] = alternative;
        chosen[source.choice].insert(oneof);
      }
    }
    for (const proto::Choice& choice : categorical.choice()) {
      for (const auto& [oneof, alternative] : of_job) {
        if (alternative.empty() || chosen[choice.name()].contains(oneof)) continue;
        std::optional<Setting> setting = Setting::of(alternative + "={}", *proto::Job::descriptor());
        if (setting.has_value()) sources.push_back({choice.name(), path, *std::move(setting), true});
      }
    }
  }

  // Between assignments of one choice.
  void check_choices(const Node& node) {
    for (std::size_t later = 0; later < node.sources.size(); ++later) {
      const Source& second = node.sources[later];
      for (std::size_t earlier = later; earlier-- > 0 && node.sources[earlier].choice == second.choice;) {
        const Source& first = node.sources[earlier];
        const std::string undone = second.choice.empty() || second.of_job ? "" : second.setting.undone(first.setting);
        if (undone.empty()) continue;
        faults_.add(second.path, fmt::format("sets {}, which undoes {} of the same choice: give only one of the two",
                                             second.setting.path(), undone));
        break;
      }
    }
  }

  // The first conflict is told, where there are several.
  void check_pair(int earlier, int later) {
    const Node& first = nodes_[static_cast<std::size_t>(earlier)];
    const Node& second = nodes_[static_cast<std::size_t>(later)];
    Left together = first.needs;
    for (const auto& [parameter, choices] : second.needs) narrow(together, parameter, choices);
    const bool never =
        std::any_of(together.begin(), together.end(), [](const auto& choices) { return choices.second.empty(); });
    if (never) return;
    const bool refines = second.needs.contains(earlier);
    for (const Source& one : first.sources) {
      if (!admits(together, earlier, one.choice)) continue;
      for (const Source& other : second.sources) {
        if (!admits(together, later, other.choice)) continue;
        if ((one.of_job || other.of_job) && (one.of_job == other.of_job || one.setting.overlaps(other.setting)))
          continue;
        const std::string conflict = conflict_of(one.setting, other.setting, refines, text(earlier, one));
        if (conflict.empty()) continue;
        return faults_.add(path_of("parameter", later),
                           fmt::format("{} {} {}, {}: at the same time only one of the two can hold; give one of "
                                       "them a condition that excludes the other, or take one out",
                                       text(later, other), other.of_job ? "leaves the job's" : "sets",
                                       other.setting.path(), conflict));
      }
    }
  }

  std::string text(int parameter, const Source& source) const {
    return fmt::format("\"{}\"{}", spec_.parameter(parameter).name(),
                       source.choice.empty() ? "" : fmt::format(" (choice \"{}\")", source.choice));
  }

  // Empty: none. `refines`: the condition of the other one asks for a choice of this one.
  static std::string conflict_of(const Setting& one, const Setting& other, bool refines, const std::string& name) {
    if (one.path() == other.path()) return fmt::format("the same field that {} above it sets", name);
    if (one.overlaps(other) && !refines) {
      if (other.path().size() > one.path().size())
        return fmt::format("a part of {}, which {} above it sets", one.path(), name);
      return fmt::format("of which {}, set by {} above it, is a part", one.path(), name);
    }
    const std::string undone = other.undone(one);
    return undone.empty() ? "" : fmt::format("which undoes {}, set by {} above it", undone, name);
  }

  const proto::SweepSpec& spec_;
  Faults& faults_;
  std::vector<Node> nodes_;
};

}  // namespace

void check_overlaps(const proto::SweepSpec& spec, Faults& faults) {
  OverlapCheck(spec, faults).check();
}

}  // namespace lockstep
