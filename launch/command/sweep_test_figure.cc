#include "launch/command/sweep_test_figure.h"

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "launch/command/other_program.h"
#include "launch/command/program.h"
#include "storage/base/file.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{16} << 20;

// What `lockstep eval --json` said of this checkpoint before; none: it was not asked.
Json kept(const std::filesystem::path& file, const std::string& checkpoint) {
  const StatusOr<std::string> text = read_file(file, kMostBytes);
  if (!text.ok()) return Json();
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.value("checkpoint", "") == checkpoint ? json : Json();
}

double number(const Json& json) {  // JSON has null for what is no number
  return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

proto::Evaluated evaluated(const Json& json, int trial) {
  proto::Evaluated figures;
  figures.set_trial(trial);
  figures.set_epoch(json.value("epoch", 0));
  figures.set_step(json.value("step", std::int64_t{0}));
  figures.set_loss(number(json.value("loss", Json())));
  const Json metrics = json.value("metrics", Json::object());
  for (const auto& [name, value] : metrics.items()) {
    if (name == "accuracy") figures.set_accuracy(number(value));
    proto::MetricValue& metric = *figures.add_metric();
    metric.set_name(name);
    metric.set_value(number(value));
  }
  return figures;
}

bool is_chosen_by_other_rows(const proto::Data& data) {
  return !data.test().empty() && (!data.validation().empty() || data.has_hold_out());
}

}  // namespace

Status add_final_test(const proto::SweepView& sweep, proto::TrialView& best) {
  if (!sweep.has_ended_ms() || !best.has_checkpoint()) return OkStatus();
  if (!is_chosen_by_other_rows(sweep.spec().job().data())) return OkStatus();
  const std::filesystem::path file = std::filesystem::path(best.directory()) / "final_test.json";
  Json json = kept(file, best.checkpoint());
  if (json.is_null()) {
    print_error("lockstep sweep: evaluating the best network on the test split, once ...");
    ASSIGN_OR_RETURN(
        json, answer_of({program_beside("lockstep-eval").string(), "--checkpoint", best.checkpoint(), "--json"}));
    json["checkpoint"] = best.checkpoint();
    const std::string text = json.dump() + "\n";
    const std::string_view parts[] = {text};
    // Who may not write there evaluates it again next time.
    write_file_atomically(file, parts).IgnoreError();
  }
  *best.mutable_final_test() = evaluated(json, best.trial());
  return OkStatus();
}

}  // namespace lockstep
