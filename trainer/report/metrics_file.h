// metrics.jsonl: one JSON object a line, appended as things happen.
//   {"event":"train","step":50,"epoch":0,"loss":1.2,"accuracy":0.61,"learning_rate":0.01,"images_per_second":2100.5}
//   {"event":"eval","step":468,"epoch":1,"loss":0.4,"accuracy":0.86,"rows":10000}
//   {"event":"checkpoint","step":468,"path":"checkpoints/step-000000468.h5"}
//   {"event":"end","step":3744,"outcome":"done","seconds":190.2,"images_per_second":2105.1,"accuracy":0.931}
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "storage/base/status.h"
#include "trainer/report/events.h"

namespace lockstep {

class MetricsFile {
 public:
  // Opens for appending, and first takes out what a run that went further than `resume_step` has left: lines of later
  // steps, and evaluations at resume_step itself when the checkpoint holds no accuracy (`evaluated` false), since that
  // evaluation is made again; a last line torn by a kill goes too. Errors: io_error.
  static StatusOr<MetricsFile> open(const std::filesystem::path& path, std::int64_t resume_step, bool evaluated);

  // Errors of writing are not returned: metrics never stop training.
  void write(const TrainPoint& point);
  void write(const EvalPoint& point);
  void write(const CheckpointPoint& point);
  void write(const EndPoint& point);

 private:
  explicit MetricsFile(std::ofstream out) : out_(std::move(out)) {}
  std::ofstream out_;
};

}  // namespace lockstep
