#include "trainer/report/metrics_file.h"

#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "storage/base/file.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLimitBytes = std::size_t{1} << 30;

void append(std::ofstream& out, const Json& object) {
  out << object.dump() << '\n' << std::flush;
}

// Whether a line of an earlier run still tells the truth when training goes on from resume_step.
bool still_holds(const std::string& line, std::int64_t resume_step, bool evaluated) {
  const Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer()) return false;
  const std::int64_t step = object["step"];
  if (object.value("event", "") == "eval" && step == resume_step) return evaluated;
  return step <= resume_step;
}

}  // namespace

StatusOr<MetricsFile> MetricsFile::open(const std::filesystem::path& path, std::int64_t resume_step, bool evaluated) {
  std::string kept;
  StatusOr<std::string> old = read_file(path, kLimitBytes);
  if (!old.ok() && old.status().code() != absl::StatusCode::kNotFound) return old.status();
  if (old.ok()) {
    std::istringstream lines(*old);
    for (std::string line; std::getline(lines, line);) {
      if (still_holds(line, resume_step, evaluated)) kept += line + "\n";
    }
    if (kept != *old) {
      const std::string_view parts[] = {kept};
      RETURN_IF_ERROR(write_file_atomically(path, parts));
    }
  }
  std::ofstream out(path, std::ios::app);
  if (!out) return io_error(fmt::format("{}: cannot be opened for writing", path.string()));
  return MetricsFile(std::move(out));
}

void MetricsFile::write(const TrainPoint& point) {
  append(out_, {{"event", "train"},
                {"step", point.step},
                {"epoch", point.epoch},
                {"loss", point.loss},
                {"accuracy", point.accuracy},
                {"learning_rate", point.learning_rate},
                {"images_per_second", point.images_per_second}});
}

void MetricsFile::write(const EvalPoint& point) {
  append(out_, {{"event", "eval"},
                {"step", point.step},
                {"epoch", point.epoch},
                {"loss", point.loss},
                {"accuracy", point.accuracy},
                {"rows", point.rows}});
}

void MetricsFile::write(const CheckpointPoint& point) {
  append(out_, {{"event", "checkpoint"}, {"step", point.step}, {"path", point.path}});
}

void MetricsFile::write(const EndPoint& point) {
  Json object = {{"event", "end"},
                 {"step", point.step},
                 {"outcome", point.outcome},
                 {"seconds", point.seconds},
                 {"images_per_second", point.images_per_second}};
  if (point.accuracy) object["accuracy"] = *point.accuracy;
  append(out_, object);
}

}  // namespace lockstep
