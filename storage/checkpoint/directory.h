// The checkpoints of one job: DIR/step-%09d.h5. Retention never deletes the newest good one.
// Threads: one thread per directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
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

// The newest checkpoint that verifies, decodes and holds the step of its name; others are skipped and reported through
// `skipped` (path and why). One that was deleted meanwhile is passed over. Errors: kNotFound when there is none;
// io_error when the directory cannot be listed or a file not be read: who cannot read cannot say which is the newest.
struct FoundCheckpoint {
  std::filesystem::path path;
  std::string bytes;
  Checkpoint checkpoint;
};
StatusOr<FoundCheckpoint> newest_good_checkpoint(
    const std::filesystem::path& directory,
    const std::function<void(const std::filesystem::path&, const Status&)>& skipped);

// One file, with the bytes it was read from. Errors: bad_data when it is missing or damaged; io_error when it cannot be
// read.
StatusOr<FoundCheckpoint> read_found_checkpoint(const std::filesystem::path& path);

// Where the checkpoints are: DIR/checkpoints when DIR is the output directory of a training, else DIR itself.
std::filesystem::path checkpoints_of(const std::filesystem::path& directory);

// What a user means by a path: a file, or of a directory (see checkpoints_of) the newest good one.
// Errors: bad_data when there is none, naming the path; io_error.
StatusOr<FoundCheckpoint> open_checkpoint(
    const std::filesystem::path& path, const std::function<void(const std::filesystem::path&, const Status&)>& skipped);

// Keeps the newest `keep_last` (0: all), the `keep_best` of highest merit (ties: the older one) and the newest whose
// digest is right; deletes the rest, and temporary files left over by a crash. `merits` by step; a step without one, or
// whose merit is not a number, is not among the best. Errors: io_error; what can be deleted is.
Status retain_checkpoints(const std::filesystem::path& directory, int keep_last, int keep_best,
                          const std::map<std::int64_t, double>& merits);

}  // namespace lockstep
