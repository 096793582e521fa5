#include "trainer/loop/rows.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/base/log.h"
#include "storage/dataset/class_map.h"
#include "storage/dataset/contradictions.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/pixel_statistics.h"
#include "trainer/loop/agreement.h"

namespace lockstep {
namespace {

using Rows = std::unique_ptr<Dataset>;

std::string name_of(const std::filesystem::path& path, const std::string& split) {
  return fmt::format("{}: {}", path.string(), split);
}

// Without reading pixels: statistics that the file does not have are missing. A split that is not there is bad_data.
StatusOr<Rows> open_quickly(const proto::Data& data, const std::filesystem::path& path, const std::string& split) {
  StatusOr<Rows> rows = open_hdf5_dataset(
      path, {.group = split, .images = data.images(), .labels = data.labels(), .compute_statistics = false});
  if (absl::IsNotFound(rows.status())) return bad_data(std::string(rows.status().message()));
  return rows;
}

// null when there is none.
StatusOr<Rows> open_test(const proto::Data& data) {
  if (data.test().empty()) return Rows();
  StatusOr<Rows> rows = open_hdf5_dataset(
      data.path(),
      {.group = data.test(), .images = data.images(), .labels = data.labels(), .compute_statistics = false});
  if (absl::IsNotFound(rows.status())) return Rows();
  return rows;
}

// Hosts may have files of their own under the same path. Collective.
Status compare_rows(Communicator& communicator, const std::string& name, Dataset& rows) {
  const StatusOr<std::uint64_t> fingerprint = dataset_fingerprint(rows.info(), rows);
  RETURN_IF_ERROR(agree(communicator, fingerprint.status()));
  const std::uint64_t mine = *fingerprint;
  std::uint64_t first = mine;
  communicator.broadcast(std::as_writable_bytes(std::span(&first, 1)), 0);
  Status status;
  if (mine != first) {
    status =
        bad_data(fmt::format("{}: other rows than those that rank 0 reads: expected fingerprint {:016x}, got "
                             "{:016x}; give all hosts the same file",
                             name, first, mine));
  }
  return agree(communicator, status);
}

// Statistics that the file does not have are computed once, by rank 0. Collective. Requires: the same rows on all
// ranks.
Status complete_statistics(Communicator& communicator, const std::string& name, Rows& rows) {
  if (!rows->info().mean.empty()) return OkStatus();
  const auto channels = static_cast<std::size_t>(rows->info().image.channels);
  PixelNormalization normalization{std::vector<float>(channels), std::vector<float>(channels)};
  Status status;
  if (communicator.rank() == 0) {
    StatusOr<PixelNormalization> computed = compute_normalization(*rows, name);
    status = computed.status();
    if (computed.ok()) normalization = *std::move(computed);
  }
  RETURN_IF_ERROR(from_rank_0(communicator, status));
  communicator.broadcast(std::as_writable_bytes(std::span(normalization.mean)), 0);
  communicator.broadcast(std::as_writable_bytes(std::span(normalization.deviation)), 0);
  StatusOr<Rows> complete = normalized(std::move(rows), std::move(normalization));
  RETURN_IF_ERROR(agree(communicator, complete.status()));
  rows = *std::move(complete);
  return OkStatus();
}

void say(const Findings& findings) {
  for (const std::string& warning : findings.warnings) log_warning("{}", warning);
}

// On rank 0.
Status look_for_contradictions(const proto::Data& data, JobRows& rows) {
  std::vector<ExaminedSplit> splits;
  const auto examine = [&](const std::string& split, Dataset& dataset) -> Status {
    ASSIGN_OR_RETURN(ExaminedSplit examined, examine_split(data.path(), split, data.images(), data.labels(), dataset));
    splits.push_back(std::move(examined));
    return OkStatus();
  };
  RETURN_IF_ERROR(examine(data.train(), *rows.train));
  if (rows.test) RETURN_IF_ERROR(examine(data.test(), *rows.test));
  if (splits[0].sample.hash) rows.facts[kTrainPixelsFact] = fmt::format("{:016x}", *splits[0].sample.hash);
  if (rows.test && splits[1].sample.hash) {
    ASSIGN_OR_RETURN(const std::uint64_t fingerprint, dataset_fingerprint(rows.test->info(), *rows.test));
    rows.facts[kTestRowsFact] = fmt::format("{:016x}{:016x}", fingerprint, *splits[1].sample.hash);
  }
  const Findings findings = find_contradictions(splits);
  say(findings);
  return fault_status(findings);
}

// Gives `rows` the classes `names`.
Status rename_classes(const std::vector<std::string>& names, Rows& rows) {
  ASSIGN_OR_RETURN(const auto map, map_classes(rows->info(), names, "the network"));
  rows = with_classes(std::move(rows), map, names);
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<Dataset>> open_split(const proto::Data& data, const std::filesystem::path& path,
                                              const std::string& split) {
  return open_hdf5_dataset(path, {.group = split, .images = data.images(), .labels = data.labels()});
}

StatusOr<JobRows> open_job_rows(Communicator& communicator, const proto::Data& data) {
  JobRows rows;
  StatusOr<Rows> train = open_quickly(data, data.path(), data.train());
  RETURN_IF_ERROR(agree(communicator, train.status()));
  rows.train = *std::move(train);
  StatusOr<Rows> test = open_test(data);
  RETURN_IF_ERROR(agree(communicator, test.status()));
  rows.test = *std::move(test);
  const std::string name = name_of(data.path(), data.train());
  RETURN_IF_ERROR(compare_rows(communicator, name, *rows.train));
  RETURN_IF_ERROR(complete_statistics(communicator, name, rows.train));
  const bool looks = communicator.rank() == 0;
  RETURN_IF_ERROR(from_rank_0(communicator, looks ? look_for_contradictions(data, rows) : OkStatus()));
  Status mapped;
  if (rows.test) mapped = rename_classes(rows.train->info().class_names, rows.test);
  RETURN_IF_ERROR(agree(communicator, mapped));
  return rows;
}

StatusOr<std::unique_ptr<Dataset>> open_rows_for(Communicator& communicator, const proto::Data& data,
                                                 const std::filesystem::path& path, const std::string& split,
                                                 const Checkpoint& checkpoint) {
  StatusOr<Rows> rows = open_quickly(data, path, split);
  RETURN_IF_ERROR(agree(communicator, rows.status()));
  Status status;
  if (communicator.rank() == 0) {
    StatusOr<ExaminedSplit> examined = examine_split(path.string(), split, data.images(), data.labels(), **rows);
    status = examined.status();
    if (status.ok()) {
      const LearnedRows learned{.name = "the checkpoint",
                                .image = {.channels = static_cast<int>(checkpoint.image_shape[0]),
                                          .height = static_cast<int>(checkpoint.image_shape[1]),
                                          .width = static_cast<int>(checkpoint.image_shape[2])},
                                .target = checkpoint.target,
                                .class_names = checkpoint.class_names,
                                .units = checkpoint.units,
                                .mean = checkpoint.mean,
                                .deviation = checkpoint.deviation,
                                .pixel_type = std::nullopt};
      const Findings findings = find_contradictions(*examined, learned);
      say(findings);
      status = fault_status(findings);
    }
  }
  RETURN_IF_ERROR(from_rank_0(communicator, status));
  RETURN_IF_ERROR(agree(communicator, rename_classes(checkpoint.class_names, *rows)));
  return rows;
}

}  // namespace lockstep
