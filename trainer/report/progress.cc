#include "trainer/report/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "storage/base/printable.h"

namespace lockstep {

bool output_is_terminal() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  const bool under_mpirun = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
  if (!under_mpirun) return true;
  std::error_code error;
  const auto target = std::filesystem::read_symlink(fmt::format("/proc/{}/fd/1", getppid()), error);
  return !error && (target.string().starts_with("/dev/pts/") || target.string().starts_with("/dev/tty"));
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::max(0.0, seconds) + 0.5);
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string format_count(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (count < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

Progress::Progress(ProgressStyle style, std::int64_t epochs, std::int64_t total_steps, std::string_view evaluated,
                   std::FILE* out)
    : over_(style == ProgressStyle::kLine || (style == ProgressStyle::kAutomatic && output_is_terminal())),
      epochs_(epochs),
      total_steps_(total_steps),
      evaluated_(evaluated),
      out_(out) {}

// "test loss 0.6610  test accuracy 93.41 %  (10,000 rows)".
std::string Progress::figures(std::string_view rows, const EvalPoint& point) {
  std::string metrics;
  for (const MetricValue& it : point.metrics) metrics += fmt::format("  {} {}", rows, printable(metric_text(it)));
  return fmt::format("{} loss {:.4f}{}  ({} rows)", rows, point.loss, metrics, format_count(point.rows));
}

Progress::~Progress() {
  finish_line();
}

std::string Progress::format(const TrainPoint& point, double eta_seconds) const {
  const std::string accuracy =
      std::isnan(point.accuracy) ? "" : fmt::format("accuracy {:5.2f} %  ", point.accuracy * 100);
  return fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}  {}{:.0f} images/s  ETA {}", point.epoch + 1, epochs_,
                     point.step, total_steps_, point.loss, accuracy, point.images_per_second,
                     format_duration(eta_seconds));
}

void Progress::step(const TrainPoint& point, double eta_seconds) {
  if (!over_ || clock_.elapsed_seconds() - last_shown_ < 0.2) return;
  last_shown_ = clock_.elapsed_seconds();
  const std::string line = format(point, eta_seconds);
  put(fmt::format("\r{:<{}}", line, line_length_));
  line_length_ = line.size();
}

void Progress::finish_line() {
  if (line_length_ > 0) put(fmt::format("\r{:<{}}\r", "", line_length_));
  line_length_ = 0;
}

void Progress::put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

void Progress::report(const TrainPoint& point, double eta_seconds) {
  if (over_) {
    step(point, eta_seconds);
  } else {
    say(format(point, eta_seconds));
  }
}

void Progress::report(const EvalPoint& point) {
  say(fmt::format("epoch {}/{}  {}", point.epoch, epochs_, figures(evaluated_, point)));
}

void Progress::report_final_test(const EvalPoint& point) {
  say(figures("final test", point));
}

void Progress::say(const std::string& text) {
  finish_line();
  put(printable_lines(text) + '\n');
}

void Progress::summary(const EndPoint& end, const TimeAccount& account, const std::string& directory) {
  std::string shares;
  double total = 0;
  for (std::size_t i = 0; i < kTimeShareNames.size(); ++i) total += account.seconds(static_cast<TimeShare>(i));
  for (std::size_t i = 0; i < kTimeShareNames.size(); ++i) {
    const double seconds = account.seconds(static_cast<TimeShare>(i));
    shares +=
        fmt::format("{}{} {:.1f} %", i == 0 ? "" : ", ", kTimeShareNames[i], total > 0 ? 100 * seconds / total : 0.0);
  }
  say(fmt::format("{} at step {} after {}  ({:.0f} images/s)", end.outcome, end.step, format_duration(end.seconds),
                  end.images_per_second));
  if (!end.reason.empty()) say(fmt::format("reason     {}", end.reason));
  say(fmt::format("time       {}", shares));
  const auto say_metrics = [&](const std::vector<MetricValue>& metrics, std::string_view rows) {
    for (const MetricValue& it : metrics) {
      say(fmt::format("{:<10} {} on the {} split", printable(it.name), metric_value_text(it), rows));
    }
  };
  say_metrics(end.metrics, evaluated_);
  say_metrics(end.final_metrics, "test");
  say(fmt::format("files      {0}/checkpoints  {0}/metrics.jsonl  {0}/job.pbtxt  {0}/log.txt", directory));
}

}  // namespace lockstep
