// Where a run begins: at the newest good checkpoint of its directory, if it is of the same job and data.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/training_state.h"

namespace lockstep {

struct ResumePoint {
  std::filesystem::path path;  // on rank 0; empty on the others
  Checkpoint checkpoint;       // its tensors have values on rank 0 only
};

// Rank 0 reads `directory` and broadcasts; the others need not see it. nullopt: nothing there. Torn or damaged files
// are skipped and logged. Collective; every rank returns the same.
// facts: on rank 0, with those of JobRows. A job whose schedule does not depend on the end may have other epochs than
// the checkpoint's, if not fewer than are done. Errors: bad_configuration, with the differing fields, when the
// checkpoint is of another job; bad_data when its rows are others, or when there are checkpoints and none is good.
StatusOr<std::optional<ResumePoint>> find_resume_point(Communicator& communicator,
                                                       const std::filesystem::path& directory, const proto::Job& job,
                                                       const DatasetInfo& dataset,
                                                       const std::map<std::string, std::string>& facts);

// What a run began with is part of what it is: the digest of the checkpoint that --init-from means, or "none". It
// stands among the facts of its checkpoints as initial_weights. `from`: the checkpoint that a run goes on from, or
// null; it must have begun with the same. A file that is not there any more is taken for the same, as is any where the
// checkpoint is of before this was stored. On rank 0 the fact, elsewhere empty. Collective. Errors: bad_configuration;
// as open_checkpoint.
StatusOr<std::string> initial_weights(Communicator& communicator, const Checkpoint* from,
                                      const std::filesystem::path& init_from);

// One checkpoint, read by rank 0 and sent to all: a file, or of a directory (of checkpoints, or of a run) the newest
// good one. Collective. Errors: bad_data.
StatusOr<ResumePoint> read_and_broadcast(Communicator& communicator, const std::filesystem::path& path);

// Sends the tensors of rank 0's checkpoint to all, one after another, and puts each where it belongs: no rank but 0
// ever holds more than one beside its own state. Requires: what the two functions above gave. Collective; every rank
// returns the same. Errors: bad_data, as Restoration.
Status restore_everywhere(Communicator& communicator, std::vector<CheckpointTensor> tensors,
                          const TrainingArrays& arrays);

}  // namespace lockstep
