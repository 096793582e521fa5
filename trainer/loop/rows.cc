#include "trainer/loop/rows.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/base/log.h"
#include "storage/dataset/class_map.h"
#include "storage/dataset/contradictions.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/part_rows.h"
#include "storage/dataset/pixel_statistics.h"
#include "storage/dataset/subset.h"
#include "trainer/loop/agreement.h"

namespace lockstep {
namespace {

using Rows = std::unique_ptr<Dataset>;

std::string name_of(const std::filesystem::path& path, const std::string& split) {
  return fmt::format("{}: {}", path.string(), split);
}

Hdf5DatasetOptions options_of(const proto::Data& data, const std::string& split, bool compute_statistics) {
  return {.group = split,
          .images = data.images(),
          .labels = data.labels(),
          .compute_statistics = compute_statistics,
          .size = data.size()};
}

// Without reading pixels: statistics that the file does not have are missing. A split that is not there is bad_data.
StatusOr<Rows> open_quickly(const proto::Data& data, const std::filesystem::path& path, const std::string& split) {
  StatusOr<Rows> rows = open_hdf5_dataset(path, options_of(data, split, /*compute_statistics=*/false));
  if (absl::IsNotFound(rows.status())) return bad_data(std::string(rows.status().message()));
  return rows;
}

// null when there is none.
StatusOr<Rows> open_if_there(const proto::Data& data, const std::string& split) {
  if (split.empty()) return Rows();
  StatusOr<Rows> rows = open_hdf5_dataset(data.path(), options_of(data, split, /*compute_statistics=*/false));
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

// The splits that the file has.
struct Splits {
  Rows train, validation, test;
};

StatusOr<std::map<std::string, std::string>> row_facts(const ExaminedSplit& split, const char* name) {
  if (!split.sample.hash) return std::map<std::string, std::string>();
  ASSIGN_OR_RETURN(const std::uint64_t fingerprint, dataset_fingerprint(split.rows->info(), *split.rows));
  return std::map<std::string, std::string>{{name, fmt::format("{:016x}{:016x}", fingerprint, *split.sample.hash)}};
}

// On rank 0.
Status look_for_contradictions(const proto::Data& data, const Splits& splits,
                               std::map<std::string, std::string>& facts) {
  std::vector<ExaminedSplit> examined;
  const auto examine = [&](const std::string& split, Dataset& dataset) -> Status {
    ASSIGN_OR_RETURN(ExaminedSplit one, examine_split(data.path(), split, data.images(), data.labels(), dataset));
    examined.push_back(std::move(one));
    return OkStatus();
  };
  RETURN_IF_ERROR(examine(data.train(), *splits.train));
  if (examined[0].sample.hash) facts[kTrainPixelsFact] = fmt::format("{:016x}", *examined[0].sample.hash);
  for (const auto& [name, rows, fact] : {std::tuple(&data.validation(), splits.validation.get(), kValidationRowsFact),
                                         {&data.test(), splits.test.get(), kTestRowsFact}}) {
    if (rows == nullptr) continue;
    RETURN_IF_ERROR(examine(*name, *rows));
    ASSIGN_OR_RETURN(auto found, row_facts(examined.back(), fact));
    facts.merge(std::move(found));
  }
  const Findings findings = find_contradictions(examined);
  say(findings);
  return fault_status(findings);
}

StatusOr<Splits> open_splits(const proto::Data& data) {
  Splits splits;
  ASSIGN_OR_RETURN(splits.train, open_quickly(data, data.path(), data.train()));
  ASSIGN_OR_RETURN(splits.validation, open_if_there(data, data.validation()));
  ASSIGN_OR_RETURN(splits.test, open_if_there(data, data.test()));
  if (splits.validation && data.has_hold_out()) {
    return bad_configuration(
        fmt::format("data.hold_out: {} has a validation split, \"{}\", to choose by: leave hold_out out, or set "
                    "data.validation: \"\" to pass over that split",
                    data.path(), data.validation()));
  }
  return splits;
}

// Gives `rows` the classes `names`.
Status rename_classes(const std::vector<std::string>& names, Rows& rows) {
  ASSIGN_OR_RETURN(const auto map, map_classes(rows->info(), names, "the network"));
  rows = with_classes(std::move(rows), map, names);
  return OkStatus();
}

Status rename_all_classes(Splits& splits) {
  const std::vector<std::string>& names = splits.train->info().class_names;
  if (splits.validation) RETURN_IF_ERROR(rename_classes(names, splits.validation));
  return splits.test ? rename_classes(names, splits.test) : OkStatus();
}

// Takes rows out of rows.train into rows.chosen.
Status hold_out(const proto::Data& data, JobRows& rows) {
  StatusOr<Parted> parted = part_rows(*rows.train, held_out(data.hold_out()));
  RETURN_IF_ERROR(with_context(parted.status(), name_of(data.path(), data.train())));
  ASSIGN_OR_RETURN(Rows again, open_quickly(data, data.path(), data.train()));
  ASSIGN_OR_RETURN(rows.chosen, subset(std::move(again), std::move(parted->held_out)));
  ASSIGN_OR_RETURN(rows.train, subset(std::move(rows.train), std::move(parted->training)));
  if (const auto pixels = rows.facts.find(kTrainPixelsFact); pixels != rows.facts.end()) {
    rows.facts[kValidationRowsFact] = fmt::format("{:016x}{}", rows.chosen->info().fingerprint, pixels->second);
  }
  return OkStatus();
}

// Of a job that holds out rows, the part of its training split that is called so; of any other name that split.
StatusOr<Rows> open_part(const proto::Data& data, const std::filesystem::path& path, const std::string& split) {
  if (!data.has_hold_out() || (split != data.validation() && split != data.train())) {
    return open_quickly(data, path, split);
  }
  ASSIGN_OR_RETURN(Rows rows, open_quickly(data, path, data.train()));
  ASSIGN_OR_RETURN(Parted parted, part_rows(*rows, held_out(data.hold_out())));
  return subset(std::move(rows), std::move(split == data.train() ? parted.training : parted.held_out));
}

}  // namespace

StatusOr<std::unique_ptr<Dataset>> open_split(const proto::Data& data, const std::filesystem::path& path,
                                              const std::string& split) {
  return open_hdf5_dataset(path, options_of(data, split, /*compute_statistics=*/true));
}

float centre_share(const proto::Data& data) {
  return data.has_centre_crop() ? data.centre_crop() : 1;
}

StatusOr<std::shared_ptr<const ClassRows>> rows_by_class(const proto::Data& data, Dataset& train) {
  if (data.draw() != proto::BY_CLASS || train.info().target != TargetKind::kClass) {
    return std::shared_ptr<const ClassRows>();
  }
  ASSIGN_OR_RETURN(ClassRows rows, class_rows(train));
  return std::make_shared<const ClassRows>(std::move(rows));
}

StatusOr<JobRows> open_job_rows(Communicator& communicator, const proto::Data& data) {
  StatusOr<Splits> opened = open_splits(data);
  RETURN_IF_ERROR(agree(communicator, opened.status()));
  Splits splits = *std::move(opened);
  JobRows rows;
  rows.chosen_by = chosen_by(data, splits.validation != nullptr, splits.test != nullptr);
  const std::string name = name_of(data.path(), data.train());
  RETURN_IF_ERROR(compare_rows(communicator, name, *splits.train));
  RETURN_IF_ERROR(complete_statistics(communicator, name, splits.train));
  const bool looks = communicator.rank() == 0;
  const Status found = looks ? look_for_contradictions(data, splits, rows.facts) : OkStatus();
  RETURN_IF_ERROR(from_rank_0(communicator, found));
  RETURN_IF_ERROR(agree(communicator, rename_all_classes(splits)));
  rows.train = std::move(splits.train);
  rows.chosen = std::move(rows.chosen_by == ChosenBy::kTest ? splits.test : splits.validation);
  rows.test = std::move(splits.test);
  if (rows.chosen_by == ChosenBy::kHeldOut) RETURN_IF_ERROR(agree(communicator, hold_out(data, rows)));
  StatusOr<std::shared_ptr<const ClassRows>> by_class = rows_by_class(data, *rows.train);
  RETURN_IF_ERROR(agree(communicator, by_class.status()));
  rows.by_class = *std::move(by_class);
  return rows;
}

StatusOr<std::unique_ptr<Dataset>> open_rows_for(Communicator& communicator, const proto::Data& data,
                                                 const std::filesystem::path& path, const std::string& split,
                                                 const Checkpoint& checkpoint) {
  StatusOr<Rows> rows = open_part(data, path, split);
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
