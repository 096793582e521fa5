#include "trainer/report/metrics_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "storage/base/fault.h"
#include "storage/base/log.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLimitBytes = std::size_t{1} << 30;
constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
constexpr auto kFirstBackOff = std::chrono::seconds(1);
constexpr auto kMostBackOff = std::chrono::seconds(60);
constexpr auto kBetweenWarnings = std::chrono::minutes(1);

std::string line_of(const Json& object) {
  return object.dump() + '\n';
}

void add_metrics(std::span<const MetricValue> metrics, Json& object) {
  for (const MetricValue& it : metrics) object[it.name] = it.value;
}

constexpr const char* kEval = "eval";
constexpr const char* kFinalTest = "final_test";

std::string line_of(const char* event, const EvalPoint& point) {
  Json object = {{"event", event}, {"step", point.step}, {"epoch", point.epoch}, {"loss", point.loss}};
  add_metrics(point.metrics, object);
  object["rows"] = point.rows;
  return line_of(object);
}

std::int64_t whole_number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

double number(const Json& object, const char* name) {  // JSON has null for what is no number
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::vector<MetricValue> metrics_of(const Json& object) {
  std::vector<MetricValue> metrics;
  for (const auto& [name, value] : object.items()) {
    if (name != "loss" && find_metric(name) != nullptr) metrics.push_back({name, number(object, name.c_str())});
  }
  return metrics;
}

struct Line {
  std::string text;
  std::int64_t step = -1;  // -1: torn, or of something else
  std::string event;
  EvalPoint evaluation;
};

Line parse(std::string_view text) {
  Line line{.text = std::string(text), .step = -1, .event = {}, .evaluation = {}};
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !text.ends_with('\n')) return line;
  line.step = whole_number(object, "step");
  const auto event = object.find("event");
  if (event != object.end() && event->is_string()) line.event = event->get<std::string>();
  if (line.event != kEval) return line;
  line.evaluation = {.step = line.step,
                     .epoch = whole_number(object, "epoch"),
                     .loss = number(object, "loss"),
                     .rows = std::max<std::int64_t>(0, whole_number(object, "rows")),
                     .metrics = metrics_of(object)};
  return line;
}

// The lines of a file that is there; one that is too large to be read is put aside first.
StatusOr<std::vector<Line>> read_lines(const std::filesystem::path& path) {
  std::error_code error;
  if (const auto bytes = std::filesystem::file_size(path, error); !error && bytes > kLimitBytes) {
    std::filesystem::path aside = path;
    aside += ".old";
    std::filesystem::rename(path, aside, error);
    if (error) return io_error(fmt::format("cannot rename \"{}\": {}", path.native(), error.message()));
    log_warning("{}: {} bytes are more than can be gone through: it is {} now", path.string(), bytes, aside.string());
  }
  StatusOr<std::string> text = read_file(path, kLimitBytes);
  if (absl::IsNotFound(text.status())) return std::vector<Line>();
  RETURN_IF_ERROR(text.status());
  std::vector<Line> lines;
  for (std::string_view left = *text; !left.empty();) {
    const std::size_t length = std::min(left.find('\n'), left.size() - 1) + 1;
    lines.push_back(parse(left.substr(0, length)));
    left.remove_prefix(length);
  }
  return lines;
}

bool is_among(const Line& line, const std::vector<EvalPoint>& evaluations) {
  return std::any_of(evaluations.begin(), evaluations.end(), [&](const EvalPoint& it) { return it.step == line.step; });
}

// Whether a line of an earlier run still tells the truth when training goes on from last_step.
bool still_holds(const Line& line, std::int64_t last_step, const std::vector<EvalPoint>& evaluations,
                 const std::optional<EvalPoint>& final_test) {
  if (line.step < 0 || line.step > last_step) return false;
  if (line.step < last_step) return true;
  if (line.event == kFinalTest) return final_test && final_test->step == line.step;
  return line.event != kEval || is_among(line, evaluations);
}

// With those of the evaluations that are missing, each before what came after it. Both are in order.
std::vector<Line> with_all(const std::vector<EvalPoint>& evaluations, std::vector<Line> lines) {
  std::set<std::int64_t> there;
  for (const Line& line : lines) {
    if (line.event == kEval) there.insert(line.step);
  }
  std::vector<Line> all;
  auto next = evaluations.begin();
  const auto put_until = [&](const auto& comes_later) {
    for (; next != evaluations.end() && comes_later(*next); ++next) {
      if (!there.contains(next->step)) all.push_back({line_of(kEval, *next), next->step, kEval, *next});
    }
  };
  for (Line& line : lines) {
    put_until(
        [&](const EvalPoint& it) { return it.step < line.step || (it.step == line.step && line.event != "train"); });
    all.push_back(std::move(line));
  }
  put_until([](const EvalPoint&) { return true; });
  return all;
}

}  // namespace

StatusOr<MetricsFile> MetricsFile::open(const std::filesystem::path& path, std::int64_t resume_step,
                                        std::vector<EvalPoint> evaluations, std::optional<EvalPoint> final_test) {
  MetricsFile file(path);
  file.evaluations_ = std::move(evaluations);
  file.final_test_ = std::move(final_test);
  RETURN_IF_ERROR(file.rewrite(resume_step));
  return file;
}

// The file with what still holds of it, what waits, and every evaluation; left alone where that is what it has.
Status MetricsFile::rewrite(std::int64_t last_step) {
  ASSIGN_OR_RETURN(std::vector<Line> lines, read_lines(path_));
  const std::size_t before = lines.size();
  std::erase_if(lines, [&](const Line& line) { return !still_holds(line, last_step, evaluations_, final_test_); });
  const bool some_go = lines.size() < before;
  const std::size_t kept = lines.size();
  for (const std::string& text : waiting_) lines.push_back(parse(text));
  lines = with_all(evaluations_, std::move(lines));
  const auto is_final_test = [&](const Line& line) {
    return line.event == kFinalTest && line.step == final_test_->step;
  };
  if (final_test_ && std::ranges::none_of(lines, is_final_test)) {
    lines.push_back({line_of(kFinalTest, *final_test_), final_test_->step, kFinalTest, {}});
  }
  if (some_go || lines.size() > kept || last_step == kNoLimit) {
    std::vector<std::string_view> parts;
    for (const Line& line : lines) parts.push_back(line.text);
    RETURN_IF_ERROR(write_file_atomically(path_, parts));
  }
  ASSIGN_OR_RETURN(file_, AppendFile::open(path_));
  waiting_.clear();
  return OkStatus();
}

Status MetricsFile::append_waiting(bool durable) {
  while (!waiting_.empty()) {
    RETURN_IF_ERROR(file_->append(waiting_.front()));
    waiting_.pop_front();
  }
  return durable ? file_->sync() : OkStatus();
}

Status MetricsFile::broke(const Status& why) {
  file_.reset();
  back_off_ = std::clamp<Clock::duration>(2 * back_off_, kFirstBackOff, kMostBackOff);
  try_again_ = Clock::now() + back_off_;
  if (!told_ || Clock::now() - *told_ >= kBetweenWarnings) {
    told_ = Clock::now();
    log_warning("{}; training goes on, and what cannot be written waits", std::string(why.message()));
  }
  return why;
}

Status MetricsFile::put(bool durable) {
  if (file_) {
    const Status status = append_waiting(durable);
    return status.ok() ? status : broke(status);
  }
  if (!durable && Clock::now() < try_again_) return OkStatus();
  Status status = fault_point("metrics.rewrite");
  if (status.ok()) status = rewrite(kNoLimit);
  if (!status.ok()) return broke(status);
  log_info("{} is written again; {} lines were lost", path_.string(), lost_);
  back_off_ = {};
  return OkStatus();
}

void MetricsFile::add(std::string line, bool durable) {
  waiting_.push_back(std::move(line));
  if (waiting_.size() > kMostWaiting) {
    waiting_.pop_front();
    ++lost_;
  }
  put(durable).IgnoreError();  // it waits
}

Status MetricsFile::sync() {
  const Status status = put(/*durable=*/true);
  return status.ok() || file_ ? status : put(/*durable=*/true);  // an error of the old file may not be the new one's
}

void MetricsFile::write(const TrainPoint& point) {
  Json object = {{"event", "train"}, {"step", point.step}, {"epoch", point.epoch}, {"loss", point.loss}};
  if (!std::isnan(point.accuracy)) object["accuracy"] = point.accuracy;
  object["learning_rate"] = point.learning_rate;
  object["images_per_second"] = point.images_per_second;
  add(line_of(object), /*durable=*/false);
}

void MetricsFile::write(const EvalPoint& point) {
  evaluations_.push_back(point);
  add(line_of(kEval, point), /*durable=*/true);
}

void MetricsFile::write_final_test(const EvalPoint& point) {
  final_test_ = point;
  add(line_of(kFinalTest, point), /*durable=*/true);
}

void MetricsFile::write(const CheckpointPoint& point) {
  add(line_of({{"event", "checkpoint"}, {"step", point.step}, {"path", point.path}}), /*durable=*/false);
}

void MetricsFile::write(const EndPoint& point) {
  Json object = {{"event", "end"},
                 {"step", point.step},
                 {"outcome", point.outcome},
                 {"seconds", point.seconds},
                 {"images_per_second", point.images_per_second}};
  add_metrics(point.metrics, object);
  if (!point.reason.empty()) object["reason"] = point.reason;
  add(line_of(object), /*durable=*/false);
}

StatusOr<std::vector<EvalPoint>> read_evaluations(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::vector<Line> lines, read_lines(path));
  std::vector<EvalPoint> evaluations;
  for (const Line& line : lines) {
    if (line.event == kEval && line.step >= 0) evaluations.push_back(line.evaluation);
  }
  return evaluations;
}

}  // namespace lockstep
