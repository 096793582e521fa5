// metrics.jsonl: one JSON object a line, appended as things happen.
//   {"event":"train","step":50,"epoch":0,"loss":1.2,"accuracy":0.61,"learning_rate":0.01,"images_per_second":2100.5}
//   {"event":"eval","step":468,"epoch":1,"loss":0.4,"accuracy":0.86,"rows":10000}
//   {"event":"final_test","step":3744,"epoch":8,"loss":0.4,"accuracy":0.93,"rows":10000}
//   {"event":"checkpoint","step":468,"path":"checkpoints/step-000000468.h5"}
//   {"event":"end","step":3744,"outcome":"done","seconds":190.2,"images_per_second":2105.1,"accuracy":0.931}
// An evaluation is durable when it was written. What cannot be written never stops training: it waits, the log says so
// once a minute, and the file is written anew, with what waits, as soon as that can be done: at the next evaluation, at
// sync(), and meanwhile after one second, then two, and so on up to a minute. Fault points: those of AppendFile, and
// "metrics.rewrite".
// Threads: one thread per object.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/file.h"
#include "storage/base/status.h"
#include "trainer/report/events.h"

namespace lockstep {

class MetricsFile {
 public:
  // Lines that wait at most; beyond them the oldest are lost, but evaluations never.
  static constexpr std::size_t kMostWaiting = 10'000;

  // Opens for appending. `evaluations`: all there are up to resume_step, oldest first. First it takes out what a run
  // that went further than `resume_step` has left: lines of later steps, and an evaluation or a final test at
  // resume_step itself that is not given, since it is made again; a last line torn by a kill goes too. Then it puts in
  // those that are missing. Nothing is written where nothing is to be changed. Errors: io_error.
  static StatusOr<MetricsFile> open(const std::filesystem::path& path, std::int64_t resume_step,
                                    std::vector<EvalPoint> evaluations,
                                    std::optional<EvalPoint> final_test = std::nullopt);

  void write(const TrainPoint& point);
  void write(const EvalPoint& point);
  void write_final_test(const EvalPoint& point);
  void write(const CheckpointPoint& point);
  void write(const EndPoint& point);

  // All that was written is on disk. Errors: io_error; it may be tried again.
  Status sync();
  bool has_evaluations() const { return !evaluations_.empty(); }

 private:
  using Clock = std::chrono::steady_clock;

  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {}
  void add(std::string line, bool durable);
  Status put(bool durable);
  Status append_waiting(bool durable);
  Status rewrite(std::int64_t last_step);
  Status broke(const Status& why);

  std::filesystem::path path_;
  std::vector<EvalPoint> evaluations_;  // all
  std::optional<EvalPoint> final_test_;
  std::optional<AppendFile> file_;  // none: it is to be written anew
  std::deque<std::string> waiting_;
  std::int64_t lost_ = 0;
  Clock::time_point try_again_;
  Clock::duration back_off_{};
  std::optional<Clock::time_point> told_;
};

// The evaluations in such a file, as they stand; none when there is no file. Errors: io_error.
StatusOr<std::vector<EvalPoint>> read_evaluations(const std::filesystem::path& path);

}  // namespace lockstep
