#include "trainer/loop/resume.h"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/log.h"
#include "storage/checkpoint/directory.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/task.h"
#include "trainer/loop/training_job.h"
#include "trainer/optim/schedule.h"

namespace lockstep {
namespace {

// Path and shape of a tensor a line, without the values.
std::string list_of(const std::vector<CheckpointTensor>& tensors) {
  std::string text;
  for (const CheckpointTensor& tensor : tensors) {
    text += fmt::format("{} {} {}\n", tensor.shape.size(), fmt::join(tensor.shape, " "), tensor.path);
  }
  return text;
}

std::vector<CheckpointTensor> read_list(const std::string& text) {
  std::vector<CheckpointTensor> tensors;
  std::istringstream lines(text);
  for (std::size_t rank = 0; lines >> rank;) {
    CheckpointTensor& tensor = tensors.emplace_back();
    tensor.shape.resize(rank);
    for (std::int64_t& extent : tensor.shape) lines >> extent;
    lines.ignore();
    std::getline(lines, tensor.path);
  }
  return tensors;
}

// Sends what rank 0 has found but the values of tensors, or that it has found nothing, to all.
StatusOr<std::optional<ResumePoint>> share(Communicator& communicator, std::optional<FoundCheckpoint> found) {
  ResumePoint point;
  std::string bytes;
  std::string list;
  Status encoded;
  if (found) {
    point.path = std::move(found->path);
    found->bytes = {};
    point.checkpoint = std::move(found->checkpoint);
    list = list_of(point.checkpoint.tensors);
    std::vector<CheckpointTensor> tensors = std::exchange(point.checkpoint.tensors, {});
    StatusOr<std::string> head = encode_checkpoint(point.checkpoint);
    point.checkpoint.tensors = std::move(tensors);
    encoded = head.status();
    if (head.ok()) bytes = *std::move(head);
  }
  RETURN_IF_ERROR(agree(communicator, encoded));
  share_text(communicator, bytes);
  if (bytes.empty()) return std::nullopt;
  share_text(communicator, list);
  Status status;
  if (communicator.rank() != 0) {
    StatusOr<Checkpoint> decoded = decode_checkpoint(bytes);
    status = decoded.status();
    if (decoded.ok()) {
      point.checkpoint = *std::move(decoded);
      point.checkpoint.tensors = read_list(list);
    }
  }
  RETURN_IF_ERROR(agree(communicator, status));
  return point;
}

void warn_of_damage(const std::filesystem::path& path, const Status& why) {
  log_warning("{}: damaged, left aside: {}", path.string(), std::string(why.message()));
}

using Facts = std::map<std::string, std::string>;

// Whether both know it and it is another.
bool differs(const Facts& before, const Facts& now, const char* fact) {
  const auto a = before.find(fact), b = now.find(fact);
  return a != before.end() && b != now.end() && a->second != b->second;
}

// How test rows are evaluated, of a job that follows its evaluations.
std::vector<std::string> differing_evaluations(const proto::Job& stored, const proto::Job& job) {
  std::vector<std::string> differing;
  const auto compare = [&](const char* field, const auto& a, const auto& b) {
    if (a != b) differing.push_back(fmt::format("{}: {}, {}", field, a, b));
  };
  const proto::Evaluate &a = stored.evaluate(), &b = job.evaluate();
  compare("data.validation", stored.data().validation(), job.data().validation());
  compare("data.test", stored.data().test(), job.data().test());
  compare("data.centre_crop", centre_share(stored.data()), centre_share(job.data()));
  compare("evaluate.every_epochs", a.every_epochs(), b.every_epochs());
  compare("evaluate.every_steps", a.every_steps(), b.every_steps());
  compare("evaluate.rows", a.rows(), b.rows());
  compare("evaluate.metric[0]", told_metrics(stored)[0], told_metrics(job)[0]);
  return differing;
}

Status check_identity(const Checkpoint& checkpoint, const std::string& where, const proto::Job& job,
                      const DatasetInfo& dataset, const Facts& facts) {
  if (checkpoint.job.empty()) {
    return bad_data(
        fmt::format("{}: a network alone: expected a checkpoint with the job that it goes on with. Give it with "
                    "--init-from, and choose another --out.",
                    where));
  }
  JobDraft stored = parse_job(checkpoint.job, where);
  RETURN_IF_ERROR(with_context(stored.faults.status(where), "the job stored in the checkpoint"));
  const bool ends_anywhere = !depends_on_end(stored.job.schedule()) && !depends_on_end(job.schedule());
  if (ends_anywhere && job.epochs() >= checkpoint.epoch) stored.job.set_epochs(job.epochs());
  std::vector<std::string> differing = differing_fields(stored.job, job);
  const bool follows = differing.empty() && follows_evaluations(job);
  if (follows) differing = differing_evaluations(stored.job, job);
  if (!differing.empty()) {
    return bad_configuration(
        fmt::format("{}: the checkpoint is of another job; fields that differ (checkpoint, this job):\n  {}\n"
                    "Choose another --out, or give the job that the directory was made with.",
                    where, fmt::join(differing, "\n  ")));
  }
  if (checkpoint.dataset_fingerprint != dataset.fingerprint) {
    return bad_data(
        fmt::format("{}: the checkpoint was made with other training rows: expected fingerprint {:016x}, "
                    "got {:016x} from {}. Give the same data, or choose another --out.",
                    where, checkpoint.dataset_fingerprint, dataset.fingerprint, job.data().path()));
  }
  if (differs(checkpoint.facts, facts, kTrainPixelsFact)) {
    return bad_data(
        fmt::format("{}: the checkpoint was made with other training rows: their pixels in {} have changed, though not "
                    "the statistics that are stored with them. Give the same data, or choose another --out.",
                    where, job.data().path()));
  }
  const bool by_validation = facts.contains(kValidationRowsFact);
  if (follows && differs(checkpoint.facts, facts, by_validation ? kValidationRowsFact : kTestRowsFact)) {
    return bad_data(
        fmt::format("{}: the checkpoint was made with other {} rows than {} has now, and this job follows their "
                    "evaluations. Give the same data, or choose another --out.",
                    where, by_validation ? "validation" : "test", job.data().path()));
  }
  return OkStatus();
}

// On rank 0: the newest good checkpoint; OK without one when there are no files.
StatusOr<std::optional<FoundCheckpoint>> find_on_disk(const std::filesystem::path& directory) {
  ASSIGN_OR_RETURN(const std::vector<CheckpointFile> files, list_checkpoints(directory));
  if (files.empty()) return std::nullopt;
  StatusOr<FoundCheckpoint> found = newest_good_checkpoint(directory, warn_of_damage);
  if (found.ok()) return *std::move(found);
  if (!absl::IsNotFound(found.status())) return found.status();
  return bad_data(fmt::format("{}: none of the {} checkpoints is good. Move them away to start from the beginning.",
                              directory.string(), files.size()));
}

constexpr const char* kNoCheckpoint = "none";

StatusOr<std::string> digest_of(const std::filesystem::path& init_from) {
  if (init_from.empty()) return std::string(kNoCheckpoint);
  ASSIGN_OR_RETURN(const FoundCheckpoint found, open_checkpoint(init_from, warn_of_damage));
  return checkpoint_digest(found.bytes);
}

StatusOr<std::string> same_as_before(const Checkpoint& from, const std::filesystem::path& init_from) {
  const auto found = from.facts.find("initial_weights");
  const std::string stored = found == from.facts.end() ? "" : found->second;
  if (stored.empty()) return stored;
  if (stored == kNoCheckpoint && !init_from.empty()) {
    return bad_configuration(
        fmt::format("the run in this directory began with weights drawn at random: expected no --init-from, got {}. "
                    "Leave it out, or choose another --out.",
                    init_from.string()));
  }
  std::error_code error;
  const bool gone = !init_from.empty() && !std::filesystem::exists(init_from, error);
  if (gone) return stored;
  ASSIGN_OR_RETURN(const std::string given, digest_of(init_from));
  if (given == stored) return stored;
  return bad_configuration(fmt::format(
      "the run in this directory began with other weights: expected --init-from a checkpoint with the digest "
      "{}, got {}. Give the same --init-from, or choose another --out.",
      stored, given));
}

}  // namespace

StatusOr<std::optional<ResumePoint>> find_resume_point(Communicator& communicator,
                                                       const std::filesystem::path& directory, const proto::Job& job,
                                                       const DatasetInfo& dataset,
                                                       const std::map<std::string, std::string>& facts) {
  StatusOr<std::optional<FoundCheckpoint>> found = std::optional<FoundCheckpoint>();
  if (communicator.rank() == 0) {
    found = find_on_disk(directory);
    if (found.ok() && *found) {
      const Status same = check_identity((*found)->checkpoint, (*found)->path.string(), job, dataset, facts);
      if (!same.ok()) found = same;
    }
  }
  RETURN_IF_ERROR(agree(communicator, found.status()));
  return share(communicator, *std::move(found));
}

StatusOr<std::string> initial_weights(Communicator& communicator, const Checkpoint* from,
                                      const std::filesystem::path& init_from) {
  StatusOr<std::string> fact = std::string();
  if (communicator.rank() == 0) fact = from == nullptr ? digest_of(init_from) : same_as_before(*from, init_from);
  RETURN_IF_ERROR(agree(communicator, fact.status()));
  return fact;
}

StatusOr<ResumePoint> read_and_broadcast(Communicator& communicator, const std::filesystem::path& path) {
  StatusOr<std::optional<FoundCheckpoint>> found = std::optional<FoundCheckpoint>();
  if (communicator.rank() == 0) {
    StatusOr<FoundCheckpoint> opened = open_checkpoint(path, warn_of_damage);
    if (opened.ok()) {
      found = std::optional(*std::move(opened));
    } else {
      found = opened.status();
    }
  }
  RETURN_IF_ERROR(agree(communicator, found.status()));
  ASSIGN_OR_RETURN(std::optional<ResumePoint> point, share(communicator, *std::move(found)));
  CHECK(point.has_value());
  return *std::move(point);
}

Status restore_everywhere(Communicator& communicator, std::vector<CheckpointTensor> tensors,
                          const TrainingArrays& arrays) {
  Restoration restoration(arrays);
  for (CheckpointTensor& tensor : tensors) {
    if (!restoration.wants(tensor.path)) continue;
    std::vector<float> values = std::move(tensor.values);
    std::size_t elements = 1;
    for (const std::int64_t extent : tensor.shape) elements *= static_cast<std::size_t>(extent);
    values.resize(elements);
    communicator.broadcast(std::as_writable_bytes(std::span(values)), 0);
    restoration.put(tensor.path, tensor.shape, values);
  }
  return agree(communicator, restoration.finish());
}

}  // namespace lockstep
