#include "coordinator/sweep/trial_data.h"

#include <algorithm>

#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

constexpr std::size_t kMost = 1000;

bool same(const proto::Data& a, const proto::Data& b) {
  const auto hold_out = [](const proto::Data& data) { return data.hold_out().SerializeAsString(); };
  return a.path() == b.path() && a.validation() == b.validation() && a.has_hold_out() == b.has_hold_out() &&
         hold_out(a) == hold_out(b);
}

void add(const proto::Data& data, std::vector<proto::Data>& all) {
  const bool is_new = std::none_of(all.begin(), all.end(), [&](const proto::Data& it) { return same(it, data); });
  if (is_new && !data.path().empty() && all.size() < kMost) all.push_back(data);
}

}  // namespace

std::vector<proto::Data> trial_data(const proto::SweepSpec& spec) {
  std::vector<proto::Data> all;
  add(spec.job().data(), all);
  for (const proto::Parameter& parameter : spec.parameter()) {
    std::vector<proto::Data> made;
    for (const proto::Choice& choice : parameter.categorical().choice()) {
      for (const proto::Data& before : all) {
        proto::Job job = spec.job();
        *job.mutable_data() = before;
        Faults faults;
        for (const std::string& line : choice.set()) set_by_path(line, job, faults);
        add(job.data(), made);
      }
    }
    if (made.empty()) continue;
    // Every trial has one of the choices, unless the parameter may be left out.
    if (!parameter.has_condition()) all.clear();
    for (const proto::Data& data : made) add(data, all);
  }
  return all;
}

}  // namespace lockstep
