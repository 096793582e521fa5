// The checkpoints of one job: DIR/step-%09d.h5. Retention never deletes the newest good one.
// Threads: one thread per directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/checkpoint/checkpoint.h"

namespace lockstep {

struct CheckpointFile {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::uintmax_t bytes = 0;
};

std::filesystem::path checkpoint_path(const std::filesystem::path& directory, std::int64_t step);

// Files named as above, oldest first; anything else is ignored. An absent directory is an empty one.
StatusOr<std::vector<CheckpointFile>> list_checkpoints(const std::filesystem::path& directory);

// The newest checkpoint that verifies and decodes, as file bytes; torn ones are skipped and reported through `skipped`
// (path and why). kNotFound when there is none.
struct FoundCheckpoint {
  std::filesystem::path path;
  std::string bytes;
  Checkpoint checkpoint;
};
StatusOr<FoundCheckpoint> newest_good_checkpoint(
    const std::filesystem::path& directory,
    const std::function<void(const std::filesystem::path&, const Status&)>& skipped);

// Keeps the newest `keep_last` (0: all) and the `keep_best` of highest accuracy (ties: the older one); deletes the
// rest and left-over temporary files. `accuracies` by step; steps without one count as none.
Status retain_checkpoints(const std::filesystem::path& directory, int keep_last, int keep_best,
                          const std::map<std::int64_t, double>& accuracies);

}  // namespace lockstep
