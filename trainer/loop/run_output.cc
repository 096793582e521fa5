#include "trainer/loop/run_output.h"

#include <utility>

#include "storage/base/log.h"
#include "storage/base/printable.h"
#include "storage/checkpoint/directory.h"
#include "trainer/loop/past_evaluations.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

void log_figures(std::string_view rows, const EvalPoint& point) {
  std::string metrics;
  for (const MetricValue& it : point.metrics) {
    metrics += fmt::format(", {} {} {:.6g}", rows, printable(it.name), it.value);
  }
  log_info("epoch {}: {} loss {:.4f}{}", point.epoch, rows, point.loss, metrics);
}

}  // namespace

RunOutput::RunOutput(const std::filesystem::path& directory, FileLock lock)
    : directory_(directory), lock_(std::move(lock)), here_(directory), locked_(directory / "lock") {}

StatusOr<std::unique_ptr<RunOutput>> RunOutput::open(const std::filesystem::path& directory,
                                                     std::unique_ptr<CoordinatorClient> client) {
  RETURN_IF_ERROR(make_directories(directory / "checkpoints"));
  StatusOr<FileLock> lock = FileLock::acquire(directory / "lock");
  if (absl::IsAlreadyExists(lock.status())) {
    return io_error(fmt::format("{}: another run is using this directory; wait for it, or choose another --out",
                                directory.string()));
  }
  RETURN_IF_ERROR(lock.status());
  RETURN_IF_ERROR(log_to_file(directory / "log.txt"));
  std::unique_ptr<RunOutput> output(new RunOutput(directory, *std::move(lock)));
  output->client_ = std::move(client);
  return output;
}

Status RunOutput::catch_up(const Position& start) {
  ASSIGN_OR_RETURN(MetricsFile metrics,
                   MetricsFile::open(directory_ / "metrics.jsonl", start.step, start.evaluations, start.final_test));
  metrics_.emplace(std::move(metrics));
  if (client_) client_->report(start.evaluations);
  return OkStatus();
}

Status RunOutput::deliver() {
  const bool taken = client_ && client_->finish();
  const Status kept = metrics_->sync();
  if (taken || !metrics_->has_evaluations()) return OkStatus();
  return with_context(kept, "the evaluations are not on disk; run the same command again");
}

Status RunOutput::begin(const proto::Job& job, const Shown& shown, const Position& start) {
  const std::string text = job_text(job);
  const std::string_view parts[] = {text};
  RETURN_IF_ERROR(write_file_atomically(directory_ / "job.pbtxt", parts));
  evaluated_ = shown.evaluated;
  progress_.emplace(shown.style, job.epochs(), shown.total_steps, shown.evaluated);
  writer_.emplace(checkpoint_directory(), job, to_checkpoint(start.evaluations));
  return OkStatus();
}

void RunOutput::report(const TrainPoint& point, double eta_seconds) {
  metrics_->write(point);
  if (client_) client_->report(point);
  progress_->report(point, eta_seconds);
}

void RunOutput::report(const EvalPoint& point) {
  metrics_->write(point);
  if (client_) client_->report(point);
  progress_->report(point);
  log_figures(evaluated_, point);
}

void RunOutput::report_final_test(const EvalPoint& point) {
  metrics_->write_final_test(point);
  progress_->report_final_test(point);
  log_figures("final test", point);
}

Status RunOutput::still_there() const {
  const FileIdentity now(directory_ / "lock");
  if (now == locked_) return OkStatus();
  if (now != FileIdentity()) {
    return io_error(
        fmt::format("{}: the output directory was deleted while the run trained, and another run has made "
                    "it anew: this one stops",
                    directory_.string()));
  }
  if (FileIdentity(directory_) == here_) return OkStatus();  // only what was in it is gone
  return io_error(
      fmt::format("{}: the output directory was deleted or moved while the run trained: it stops, for "
                  "nothing that it learns could be kept. Run the same command again",
                  directory_.string()));
}

void RunOutput::note_written() {
  if (writing_step_ < 0) return;
  const std::filesystem::path path = checkpoint_path(checkpoint_directory(), writing_step_);
  const CheckpointPoint point{.step = writing_step_, .path = path.lexically_relative(directory_).string()};
  metrics_->write(point);
  if (client_) client_->report(point);
  log_info("checkpoint of step {} written", writing_step_);
}

void RunOutput::checkpoint(Checkpoint checkpoint) {
  const std::int64_t step = checkpoint.step;
  const Status before = writer_->write(std::move(checkpoint));
  if (before.ok()) note_written();
  writing_step_ = step;
}

Status RunOutput::finish(const EndPoint& end, const TimeAccount& account) {
  const Status last =
      with_context(writer_->finish(), "the last checkpoint could not be written; run the same command again");
  if (last.ok()) note_written();
  writing_step_ = -1;
  metrics_->write(end);
  const Status told = deliver();
  progress_->summary(end, account, directory_.string());
  log_info("{} at step {} after {:.1f} s", end.outcome, end.step, end.seconds);
  return last.ok() ? told : last;
}

}  // namespace lockstep
