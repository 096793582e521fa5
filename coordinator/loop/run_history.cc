#include "coordinator/loop/run_history.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

#include "storage/base/status.h"
#include "storage/task/metric.h"

namespace lockstep {
namespace {

constexpr std::string_view kPrefix = "step-", kSuffix = ".h5";

// The directory tells, not metrics.jsonl: a kill may come between a checkpoint and the line about it, and one that
// nobody knows of would stay for ever.
std::vector<proto::CheckpointNote> checkpoints_there(const std::filesystem::path& directory) {
  std::set<std::int64_t> steps;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    std::int64_t step = 0;
    const char* const last = name.data() + name.size() - kSuffix.size();
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), last, step);
    if (parsed.ec == std::errc() && parsed.ptr == last) steps.insert(step);
  }
  std::vector<proto::CheckpointNote> notes;
  for (const std::int64_t step : steps) notes.emplace_back().set_step(step);
  return notes;
}

}  // namespace

RunHistory read_run_history(const std::filesystem::path& run) {
  constexpr std::int64_t kMostBytes = 64 << 20;
  RunHistory history;
  std::ifstream file(run / "metrics.jsonl");
  std::int64_t bytes = 0;
  for (std::string line; bytes < kMostBytes && std::getline(file, line);) {
    if (line.find("\"eval\"") == std::string::npos) continue;
    bytes += static_cast<std::int64_t>(line.size()) + 1;
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    const auto number = [&](const char* name) {  // JSON has null for what is no number
      const auto found = json.find(name);
      return found != json.end() && found->is_number() ? found->get<double>() : std::nan("");
    };
    const auto count = [&](const char* name) {
      const auto found = json.find(name);
      return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
    };
    const auto event = json.find("event");
    if (event == json.end() || !event->is_string()) continue;
    if (*event == "eval") {
      proto::EvalMetric& it = history.evaluations.emplace_back();
      it.set_step(count("step"));
      it.set_epoch(static_cast<int>(count("epoch")));
      it.set_loss(number("loss"));
      for (const auto& [name, value] : json.items()) {
        if (name == "loss" || find_metric(name) == nullptr) continue;
        if (name == "accuracy") {
          it.set_accuracy(number("accuracy"));
          continue;
        }
        proto::MetricValue& metric = *it.add_metric();
        metric.set_name(name);
        metric.set_value(number(name.c_str()));
      }
    }
  }
  history.checkpoints = checkpoints_there(run / "checkpoints");
  return history;
}

}  // namespace lockstep
