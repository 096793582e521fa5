#include "trainer/loop/checkpoint_writer.h"

#include <utility>

#include "storage/base/log.h"
#include "storage/checkpoint/directory.h"
#include "trainer/loop/task.h"

namespace lockstep {

CheckpointWriter::CheckpointWriter(std::filesystem::path directory, const proto::Job& job,
                                   std::span<const CheckpointEvaluation> evaluations)
    : directory_(std::move(directory)), policy_(job.checkpoint()), metric_(told_metrics(job)[0]) {
  for (const CheckpointEvaluation& it : evaluations) note(it);
}

CheckpointWriter::~CheckpointWriter() {
  finish().IgnoreError();
}

Status CheckpointWriter::finish() {
  if (thread_.joinable()) thread_.join();
  return status_;
}

Status CheckpointWriter::write(Checkpoint checkpoint) {
  const Status before = finish();
  thread_ = std::thread([this, checkpoint = std::move(checkpoint)] { run(checkpoint); });
  return before;
}

void CheckpointWriter::note(const CheckpointEvaluation& evaluation) {
  const double value = evaluation.value(metric_);
  merits_[evaluation.step] = find_metric(metric_)->higher_is_better ? value : -value;
}

void CheckpointWriter::run(const Checkpoint& checkpoint) {
  std::error_code error;
  if (std::filesystem::create_directory(directory_, error)) {
    log_warning(
        "{}: the directory was deleted while the run trained: it is made again, without the checkpoints of before",
        directory_.string());
  }
  const std::filesystem::path path = checkpoint_path(directory_, checkpoint.step);
  status_ = write_checkpoint(path, checkpoint);
  if (!status_.ok()) {
    log_error("the checkpoint of step {} was not written; training goes on and the older ones stay: {}",
              checkpoint.step, std::string(status_.message()));
    return;
  }
  if (const CheckpointEvaluation* const here = checkpoint.evaluation()) note(*here);
  const Status kept = retain_checkpoints(directory_, policy_.keep_last(), policy_.keep_best(), merits_);
  if (!kept.ok()) log_warning("old checkpoints were not removed: {}", std::string(kept.message()));
}

}  // namespace lockstep
