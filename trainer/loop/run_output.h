// What a run leaves behind and shows: the output directory with its lock, log, resolved job, metrics and checkpoints,
// and the progress on standard output. Rank 0 has one; the other ranks have none.
// Threads: one thread per object.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/file.h"
#include "storage/base/status.h"
#include "trainer/loop/checkpoint_writer.h"
#include "trainer/loop/training_state.h"
#include "trainer/report/coordinator_client.h"
#include "trainer/report/metrics_file.h"
#include "trainer/report/progress.h"
#include "trainer/report/time_account.h"

namespace lockstep {

// What the progress needs to know.
struct Shown {
  ProgressStyle style = ProgressStyle::kAutomatic;
  std::int64_t total_steps = 0;
  std::string_view evaluated;  // which rows are, while training
};

class RunOutput {
 public:
  // Makes and locks the directory and opens its log. With a client (or null) the coordinator is told too.
  // Errors: io_error, also when another run holds the lock: it may be about to end.
  static StatusOr<std::unique_ptr<RunOutput>> open(const std::filesystem::path& directory,
                                                   std::unique_ptr<CoordinatorClient> client);

  std::filesystem::path checkpoint_directory() const { return directory_ / "checkpoints"; }

  // Once it is known where the run begins: opens the metrics and tells them and the coordinator the evaluations of
  // `start` that they do not have. Errors: io_error.
  Status catch_up(const Position& start);
  // After catch_up(): writes job.pbtxt. Errors: io_error.
  Status begin(const proto::Job& job, const Shown& shown, const Position& start);

  void step(const TrainPoint& point, double eta_seconds) { progress_->step(point, eta_seconds); }
  void report(const TrainPoint& point, double eta_seconds);
  void report(const EvalPoint& point);
  void report_final_test(const EvalPoint& point);
  void say(const std::string& text) { progress_->say(text); }

  // Whether the directory is still this run's. Errors: io_error when it was deleted or moved, or another run has made
  // it anew.
  Status still_there() const;

  // Starts to write in the background.
  void checkpoint(Checkpoint checkpoint);

  // Every evaluation is on disk or was taken by the coordinator, which is told nothing after this.
  // Errors: io_error when one is neither.
  Status deliver();

  // Waits for the last checkpoint, then writes the end and the summary. Errors: io_error when the last checkpoint was
  // not written; as deliver().
  Status finish(const EndPoint& end, const TimeAccount& account);

 private:
  RunOutput(const std::filesystem::path& directory, FileLock lock);
  void note_written();

  std::filesystem::path directory_;
  FileLock lock_;
  FileIdentity here_;                          // of the directory
  FileIdentity locked_;                        // of its lock
  std::unique_ptr<CoordinatorClient> client_;  // of an attempt
  std::optional<MetricsFile> metrics_;
  std::optional<Progress> progress_;
  std::optional<CheckpointWriter> writer_;
  std::string evaluated_;  // Shown
  std::int64_t writing_step_ = -1;
};

}  // namespace lockstep
