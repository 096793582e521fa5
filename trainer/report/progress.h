// What a person sees while training: on a terminal one line that is written over, otherwise a plain line a report.
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "trainer/report/events.h"
#include "trainer/report/time_account.h"

namespace lockstep {

enum class ProgressStyle { kAutomatic, kLine, kPlain };

// Whether what this process prints ends on a terminal. mpirun gives its ranks a pseudo-terminal whatever its own output
// is, so under mpirun it is the parent's standard output that is looked at.
bool output_is_terminal();

// "3:07", "1:02:45".
std::string format_duration(double seconds);
// "12,345,678".
std::string format_count(std::int64_t count);

// What cannot be written is lost without a word: a training does not end for its progress.
class Progress {
 public:
  // total_steps of the whole job. `evaluated`: which rows are, while training: "validation" or "test".
  Progress(ProgressStyle style, std::int64_t epochs, std::int64_t total_steps, std::string_view evaluated,
           std::FILE* out = stdout);
  ~Progress();

  // Every step; the terminal line is written at most five times a second.
  void step(const TrainPoint& point, double eta_seconds);
  // A report: what metrics.jsonl gets too.
  void report(const TrainPoint& point, double eta_seconds);
  void report(const EvalPoint& point);
  // Of the test split, at the end.
  void report_final_test(const EvalPoint& point);
  // A line of its own.
  void say(const std::string& text);

  // The end of a run: time, images per second, where the time went, accuracy, files.
  void summary(const EndPoint& end, const TimeAccount& account, const std::string& directory);

 private:
  std::string format(const TrainPoint& point, double eta_seconds) const;
  static std::string figures(std::string_view rows, const EvalPoint& point);
  void finish_line();
  void put(const std::string& text);

  bool over_;  // the line is written over
  std::int64_t epochs_;
  std::int64_t total_steps_;
  std::string evaluated_;
  std::FILE* out_;
  double last_shown_ = -1;
  TimeAccount clock_;
  std::size_t line_length_ = 0;
};

}  // namespace lockstep
