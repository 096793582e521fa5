#include "storage/checkpoint/directory.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <system_error>

#include "storage/base/file.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".h5";
constexpr std::string_view kTemporarySuffix = ".h5.tmp";

std::string file_name(std::int64_t step) {
  return fmt::format("{}{:09}{}", kPrefix, step, kSuffix);
}

// The step in a file name that checkpoint_path gives, with another suffix if asked for.
std::optional<std::int64_t> step_of(std::string_view name, std::string_view suffix) {
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) return std::nullopt;
  std::int64_t step = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  const std::string_view stem = name.substr(0, name.size() - suffix.size());
  if (step < 0 || fmt::format("{}{}", stem, kSuffix) != file_name(step)) return std::nullopt;
  return step;
}

// Regular files of the directory with such a name, oldest first.
StatusOr<std::vector<CheckpointFile>> list_files(const fs::path& directory, std::string_view suffix) {
  std::vector<CheckpointFile> files;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::optional<std::int64_t> step = step_of(entry->path().filename().native(), suffix);
    std::error_code gone;  // deleted since it was listed
    if (!step) continue;
    const bool is_file = entry->is_regular_file(gone);
    const std::uintmax_t bytes = is_file && !gone ? entry->file_size(gone) : 0;
    if (gone && gone != std::errc::no_such_file_or_directory) {
      return io_error(fmt::format("cannot look at \"{}\": {}", entry->path().native(), gone.message()));
    }
    if (is_file && !gone) files.push_back({.path = entry->path(), .step = *step, .bytes = bytes});
  }
  if (error == std::errc::no_such_file_or_directory) return files;
  if (error) return io_error(fmt::format("cannot list \"{}\": {}", directory.native(), error.message()));
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return files;
}

StatusOr<FoundCheckpoint> load(const CheckpointFile& file) {
  ASSIGN_OR_RETURN(std::string bytes, read_checkpoint_bytes(file.path));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, decode_checkpoint(bytes));
  if (checkpoint.step != file.step) {
    return bad_data(fmt::format("expected step {} as its name says, got step {}; the file was renamed", file.step,
                                checkpoint.step));
  }
  return FoundCheckpoint{.path = file.path, .bytes = std::move(bytes), .checkpoint = std::move(checkpoint)};
}

bool is_good(const CheckpointFile& file) {
  const StatusOr<std::string> bytes = read_checkpoint_bytes(file.path);
  return bytes.ok() && verify_checkpoint(*bytes).ok();
}

// Steps of the `count` best among `files`.
std::set<std::int64_t> best_steps(const std::vector<CheckpointFile>& files, int count,
                                  const std::map<std::int64_t, double>& merits) {
  std::vector<std::pair<double, std::int64_t>> ranking;  // the best first; equal ones by step
  for (const CheckpointFile& file : files) {
    const auto found = merits.find(file.step);
    if (found != merits.end() && !std::isnan(found->second)) ranking.emplace_back(-found->second, file.step);
  }
  std::sort(ranking.begin(), ranking.end());
  ranking.resize(std::min(ranking.size(), static_cast<std::size_t>(count)));
  std::set<std::int64_t> steps;
  for (const auto& [merit, step] : ranking) steps.insert(step);
  return steps;
}

// Deletes all it can; the error of the first it could not.
Status delete_files(const std::vector<CheckpointFile>& files) {
  Status status;
  for (const CheckpointFile& file : files) {
    std::error_code error;
    fs::remove(file.path, error);
    if (error) status.Update(io_error(fmt::format("cannot delete \"{}\": {}", file.path.native(), error.message())));
  }
  return status;
}

}  // namespace

fs::path checkpoint_path(const fs::path& directory, std::int64_t step) {
  return directory / file_name(step);
}

StatusOr<std::vector<CheckpointFile>> list_checkpoints(const fs::path& directory) {
  return list_files(directory, kSuffix);
}

StatusOr<FoundCheckpoint> newest_good_checkpoint(const fs::path& directory,
                                                 const std::function<void(const fs::path&, const Status&)>& skipped) {
  ASSIGN_OR_RETURN(const std::vector<CheckpointFile> files, list_checkpoints(directory));
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    StatusOr<FoundCheckpoint> found = load(*file);
    if (found.ok() || absl::IsUnavailable(found.status())) return found;
    if (absl::IsNotFound(found.status())) continue;
    skipped(file->path, found.status());
  }
  return absl::NotFoundError(fmt::format("no good checkpoint in \"{}\"", directory.native()));
}

Status retain_checkpoints(const fs::path& directory, int keep_last, int keep_best,
                          const std::map<std::int64_t, double>& merits) {
  CHECK(keep_last >= 0 && keep_best >= 0);
  ASSIGN_OR_RETURN(const std::vector<CheckpointFile> temporary, list_files(directory, kTemporarySuffix));
  Status status = delete_files(temporary);
  ASSIGN_OR_RETURN(std::vector<CheckpointFile> files, list_checkpoints(directory));
  if (keep_last == 0) return status;

  std::set<std::int64_t> kept = best_steps(files, keep_best, merits);
  const std::size_t last = std::min(files.size(), static_cast<std::size_t>(keep_last));
  for (auto file = files.rbegin(); file != files.rbegin() + static_cast<std::ptrdiff_t>(last); ++file) {
    kept.insert(file->step);
  }
  if (kept.size() < files.size()) {
    const auto good = std::find_if(files.rbegin(), files.rend(), is_good);
    if (good != files.rend()) kept.insert(good->step);
  }
  std::erase_if(files, [&](const CheckpointFile& file) { return kept.contains(file.step); });
  status.Update(delete_files(files));
  return status;
}

StatusOr<FoundCheckpoint> read_found_checkpoint(const fs::path& path) {
  StatusOr<std::string> bytes = read_checkpoint_bytes(path);
  if (absl::IsNotFound(bytes.status())) return bad_data(std::string(bytes.status().message()));
  if (!bytes.ok()) return bytes.status();
  StatusOr<Checkpoint> checkpoint = decode_checkpoint(*bytes);
  if (!checkpoint.ok()) return checkpoint.status();
  return FoundCheckpoint{.path = path, .bytes = *std::move(bytes), .checkpoint = *std::move(checkpoint)};
}

fs::path checkpoints_of(const fs::path& directory) {
  std::error_code error;
  const fs::path inner = directory / "checkpoints";
  return fs::is_directory(inner, error) ? inner : directory;
}

StatusOr<FoundCheckpoint> open_checkpoint(const fs::path& path,
                                          const std::function<void(const fs::path&, const Status&)>& skipped) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    StatusOr<FoundCheckpoint> found = read_found_checkpoint(path);
    if (!found.ok()) return with_context(found.status(), path.native());
    return found;
  }
  StatusOr<FoundCheckpoint> found = newest_good_checkpoint(checkpoints_of(path), skipped);
  if (absl::IsNotFound(found.status())) return bad_data(std::string(found.status().message()));
  return found;
}

}  // namespace lockstep
