#include "coordinator/loop/run_history.h"

#include <cmath>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "storage/base/status.h"

namespace lockstep {

RunHistory read_run_history(const std::filesystem::path& run) {
  constexpr std::int64_t kMostBytes = 64 << 20;
  RunHistory history;
  std::ifstream file(run / "metrics.jsonl");
  std::int64_t bytes = 0;
  for (std::string line; bytes < kMostBytes && std::getline(file, line);) {
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
      it.set_accuracy(number("accuracy"));
    } else if (*event == "checkpoint") {
      const std::int64_t step = count("step");
      std::error_code error;
      if (!std::filesystem::exists(run / "checkpoints" / fmt::format("step-{:09}.h5", step), error)) continue;
      history.checkpoints.emplace_back().set_step(step);
    }
  }
  return history;
}

}  // namespace lockstep
