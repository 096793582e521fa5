#include "trainer/loop/past_evaluations.h"

#include <cmath>
#include <iterator>
#include <map>

#include "storage/base/log.h"
#include "storage/checkpoint/directory.h"
#include "trainer/report/metrics_file.h"

namespace lockstep {
namespace {

// By step: what is before the checkpoint, and its own when it is the one that the checkpoint knows of.
std::map<std::int64_t, EvalPoint> told_before(const Checkpoint& checkpoint, const std::filesystem::path& metrics) {
  std::map<std::int64_t, EvalPoint> found;
  const StatusOr<std::vector<EvalPoint>> told = read_evaluations(metrics);
  if (!told.ok()) log_warning("evaluations of before are not known: {}", std::string(told.status().message()));
  for (const EvalPoint& it : told.value_or(std::vector<EvalPoint>())) {
    const bool own = it.step == checkpoint.step && checkpoint.accuracy == metric_value(it.metrics, "accuracy");
    if (it.epoch > 0 && (own || it.step < checkpoint.step)) found.emplace(it.step, it);
  }
  return found;
}

EvalPoint point_of(const CheckpointEvaluation& it) {
  return {.step = it.step, .epoch = it.epoch, .loss = it.loss, .rows = it.rows, .metrics = it.metrics};
}

}  // namespace

CheckpointEvaluation to_checkpoint(const EvalPoint& it) {
  return {.step = it.step, .epoch = it.epoch, .rows = it.rows, .loss = it.loss, .metrics = it.metrics};
}

std::vector<CheckpointEvaluation> to_checkpoint(const std::vector<EvalPoint>& evaluations) {
  std::vector<CheckpointEvaluation> stored;
  for (const EvalPoint& it : evaluations) stored.push_back(to_checkpoint(it));
  return stored;
}

std::vector<EvalPoint> from_checkpoint(const Checkpoint& checkpoint) {
  std::vector<EvalPoint> evaluations;
  if (!checkpoint.evaluations) return evaluations;
  for (const CheckpointEvaluation& it : *checkpoint.evaluations) evaluations.push_back(point_of(it));
  return evaluations;
}

std::optional<EvalPoint> final_test_of(const Checkpoint& checkpoint) {
  return checkpoint.final_test ? std::optional(point_of(*checkpoint.final_test)) : std::nullopt;
}

std::vector<EvalPoint> find_evaluations(const Checkpoint& checkpoint, const std::filesystem::path& run,
                                        std::uintmax_t most_bytes) {
  std::map<std::int64_t, EvalPoint> found = told_before(checkpoint, run / "metrics.jsonl");
  const StatusOr<std::vector<CheckpointFile>> files = list_checkpoints(run / "checkpoints");
  const std::vector<CheckpointFile> all = files.value_or(std::vector<CheckpointFile>());
  for (auto file = all.rbegin(); file != all.rend(); ++file) {
    if (file->step >= checkpoint.step || found.contains(file->step)) continue;
    if (file->bytes > most_bytes) {
      log_warning("{}: not read, to begin in time: its accuracy is not known, and it is not kept as one of the best",
                  file->path.string());
      continue;
    }
    most_bytes -= file->bytes;
    const StatusOr<Checkpoint> old = read_checkpoint(file->path);
    if (!old.ok() || !old->accuracy) continue;
    found.emplace(
        old->step,
        EvalPoint{
            .step = old->step, .epoch = old->epoch, .loss = std::nan(""), .metrics = {{"accuracy", *old->accuracy}}});
  }
  // Epochs rise with steps, unless a file lies.
  std::vector<EvalPoint> evaluations;
  for (const auto& [step, it] : found) {
    if (evaluations.empty() || it.epoch > evaluations.back().epoch) evaluations.push_back(it);
  }
  return evaluations;
}

}  // namespace lockstep
