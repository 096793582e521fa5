#include "storage/base/fault.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <list>
#include <memory_resource>
#include <string>
#include <thread>

#include <signal.h>
#include <unistd.h>

namespace lockstep {
namespace {

struct Rule {
  std::string_view name;
  long visit = 0;  // 0: every one
  std::string_view action;
  int rank = -1;  // -1: every one
  std::atomic<long> visits{0};
};

struct Plan {
  std::string text;
  std::list<Rule> rules;
  bool valid = true;
};

// Takes the text before `separator` off the front of `rest`; all of it when there is no separator.
std::string_view take_until(char separator, std::string_view& rest) {
  const std::size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return taken;
}

template <typename Integer>
bool parse_count(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

bool parse_rule(std::string_view text, Rule& rule) {
  rule.name = take_until(':', text);
  if (!parse_count(take_until(':', text), rule.visit)) return false;
  const bool one_rank = text.find('@') != std::string_view::npos;
  rule.action = take_until('@', text);
  if (one_rank && !parse_count(text, rule.rank)) return false;
  const std::string_view actions[] = {"kill", "fail", "sleep", "throw"};
  return !rule.name.empty() && std::find(std::begin(actions), std::end(actions), rule.action) != std::end(actions);
}

// Never destroyed: points may be visited while the process exits.
Plan* read_plan() {
  const char* variable = std::getenv("LOCKSTEP_FAULT");
  if (variable == nullptr || *variable == '\0') return nullptr;
  auto* plan = new Plan{.text = variable, .rules = {}, .valid = true};
  for (std::string_view rest = plan->text; !rest.empty();) {
    plan->valid &= parse_rule(take_until(',', rest), plan->rules.emplace_back());
  }
  return plan;
}

Status act(const Rule& rule) {
  if (rule.action == "kill") kill(getpid(), SIGKILL);
  if (rule.action == "sleep") std::this_thread::sleep_for(std::chrono::hours(1));
  if (rule.action == "throw") static_cast<void>(std::pmr::null_memory_resource()->allocate(1));
  if (rule.action != "fail") return OkStatus();
  return io_error(fmt::format("fault point {} fails, as LOCKSTEP_FAULT asks for", rule.name));
}

}  // namespace

Status fault_point(std::string_view name) {
  static Plan* const plan = read_plan();
  if (plan == nullptr) return OkStatus();
  if (!plan->valid) {
    return bad_configuration(
        fmt::format("LOCKSTEP_FAULT: expected NAME:VISIT:kill|fail|sleep|throw[@RANK][,...], got \"{}\"", plan->text));
  }
  Status status;
  for (Rule& rule : plan->rules) {
    if (rule.name != name || (rule.rank >= 0 && rule.rank != rank_for_messages())) continue;
    const long visit = ++rule.visits;
    if (rule.visit == 0 || rule.visit == visit) status.Update(act(rule));
  }
  return status;
}

}  // namespace lockstep
