#include "trainer/loop/setup.h"

#include <memory>
#include <optional>
#include <utility>

#include "storage/base/printable.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/task/loss.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/core_binding.h"
#include "trainer/loop/memory_need.h"
#include "trainer/loop/plan.h"
#include "trainer/loop/task.h"
#include "trainer/loop/train_step.h"
#include "trainer/nn/kernels/thread_team.h"
#include "trainer/optim/gradient_norm.h"

namespace lockstep {
namespace {

std::vector<AuxiliaryLoss> auxiliary_losses(const proto::Loss& spec) {
  std::vector<AuxiliaryLoss> losses;
  for (const proto::AuxiliaryLoss& each : spec.auxiliary()) losses.push_back({each.layer(), each.weight()});
  return losses;
}

int ignored_label(const proto::Loss& spec) {
  const proto::SoftmaxCrossEntropy& softmax = spec.softmax_cross_entropy();
  return softmax.has_ignored_label() ? softmax.ignored_label() : -1;
}

LossOptions loss_of(const proto::Loss& spec) {
  const auto list = [](const auto& values) { return std::vector<float>(values.begin(), values.end()); };
  switch (spec.kind_case()) {
    case proto::Loss::kBinaryCrossEntropy:
      return {.kind = LossKind::kBinaryCrossEntropy, .weights = list(spec.binary_cross_entropy().positive_weight())};
    case proto::Loss::kMeanSquaredError:
      return {.kind = LossKind::kMeanSquaredError};
    case proto::Loss::kHuber:
      return {.kind = LossKind::kHuber, .delta = spec.huber().delta()};
    case proto::Loss::kPixelCrossEntropy:
      return {.kind = LossKind::kPixelCrossEntropy, .dice_weight = spec.pixel_cross_entropy().dice_weight()};
    case proto::Loss::kSoftmaxCrossEntropy:
    case proto::Loss::KIND_NOT_SET:
      return {.kind = LossKind::kSoftmaxCrossEntropy,
              .label_smoothing = spec.label_smoothing(),
              .weights = list(spec.softmax_cross_entropy().class_weight()),
              .ignored = ignored_label(spec)};
  }
  CHECK(false, "loss kind {} has no implementation", static_cast<int>(spec.kind_case()));
}

Overlap overlap_of(const proto::Job& job) {
  switch (job.execution().overlap()) {
    case proto::OVERLAP_ON:
      return Overlap::kOn;
    case proto::OVERLAP_OFF:
      return Overlap::kOff;
    default:
      return Overlap::kMeasured;
  }
}

// Why a name is not that of one directory; empty when it is.
std::string name_fault(std::string_view name) {
  if (name == "." || name == "..") return "is this directory or the one above";
  if (name.find('/') != std::string_view::npos) return "has a '/'";
  if (!is_printable(name)) return "has control characters, or is not UTF-8";
  constexpr std::size_t kLongestName = 255;  // of the file systems
  return name.size() > kLongestName ? fmt::format("has {} bytes, more than {}", name.size(), kLongestName) : "";
}

Wire wire_of(const proto::Job& job) {
  if (job.execution().wire() != proto::BF16) return Wire::kFp32;
  return job.execution().wire_rounding() == 2 ? Wire::kBf16 : Wire::kBf16Whole;
}

// Where nothing is said: a directory of the job's own below runs/, called as the job, or else as its file is. A name
// that cannot be that of a directory becomes a fault.
std::filesystem::path output_directory(const std::filesystem::path& out, JobDraft& draft) {
  if (!out.empty()) return out;
  std::string name = draft.job.name();
  if (name.empty()) {
    std::filesystem::path file = std::filesystem::path(draft.file).stem();
    if (file.extension() == ".job") file = file.stem();
    name = file.string();
  }
  if (const std::string fault = name_fault(name); !fault.empty()) {
    draft.faults.add("name", fmt::format("is the output directory below runs/ and {}, got \"{}\"; expected a name, not "
                                         "a path, or --out",
                                         fault, printable(name)));
  }
  return std::filesystem::path("runs") / name;
}

// Hosts may have other files of the same name. Collective.
Status check_same_job(Communicator& communicator, const JobDraft& draft) {
  std::string text = draft.job.SerializeAsString();
  share_text(communicator, text);
  proto::Job first;
  CHECK(first.ParseFromString(text), "rank 0 sent {} bytes", text.size());
  const std::vector<std::string> differing = differing_fields(first, draft.job);
  if (differing.empty()) return agree(communicator, OkStatus());
  return agree(communicator,
               bad_configuration(fmt::format("{}: expected the same job on all ranks, got fields that differ (rank 0, "
                                             "this rank):\n  {}",
                                             draft.file, fmt::join(differing, "\n  "))));
}

// What else is wrong with a job that has faults already, so that all are told at once: what its rows and its network
// show, where they can be looked at.
void look_further(int ranks, JobDraft& draft) {
  if (!draft.faults.complete() || draft.faults.has_within("data")) return;
  const proto::Data& data = draft.job.data();
  const StatusOr<std::unique_ptr<Dataset>> rows = open_hdf5_dataset(
      data.path(),
      {.group = data.train(), .images = data.images(), .labels = data.labels(), .compute_statistics = false});
  if (absl::IsDataLoss(rows.status()) || absl::IsNotFound(rows.status())) {
    draft.faults.add("data", std::string(rows.status().message()));
  }
  if (!rows.ok()) return;
  const DatasetInfo& info = (*rows)->info();
  check_job(info, ranks, draft);
  check_task(info, draft);
  for (const char* const part : {"model", "loss", "parameters"}) {
    if (draft.faults.has_within(part)) return;
  }
  proto::Job job = draft.job;
  job.mutable_execution()->set_threads_per_rank(1);
  if (draft.faults.has_within("batch") || draft.faults.has_within("slices")) {
    job.set_batch(2);  // of some rows
    job.set_slices(1);
  }
  const int classes = static_cast<int>(info.class_names.size());
  if (!resolve_model(classes, *job.mutable_model(), draft.faults)) return;
  NetworkOptions options = network_options(job, info.image, classes);
  options.runs = false;
  Network::build(*job.mutable_model(), options, draft.faults);
}

// After the rows are there. `stored`: the job that a run began with, on rank 0.
Status build_network(Communicator& communicator, const std::optional<proto::Job>& stored, JobDraft& draft,
                     Setup& setup) {
  const DatasetInfo& info = setup.rows.train->info();
  check_job(info, communicator.size(), draft);
  check_task(info, draft);
  if (follows_evaluations(draft.job) && !setup.rows.chosen && !setup.out.empty()) {
    draft.faults.add("data.test",
                     fmt::format("there is no split \"{}\" nor \"{}\", and plateau and stop_when follow evaluations",
                                 draft.job.data().validation(), draft.job.data().test()));
  }
  const int classes = static_cast<int>(info.class_names.size());
  if (resolve_model(classes, *draft.job.mutable_model(), draft.faults)) {
    NetworkOptions options = network_options(draft.job, info.image, classes);
    // With another loss only its fault is told, not what it would want of the network.
    if (target_of(options.loss.kind) != info.target) options.loss = loss_of(fitting_loss(info.target));
    options.admit = [&](const NetworkSizes& sizes) {
      return too_much(memory_need(communicator, draft.job, info.image, sizes), host_memory());
    };
    if (draft.faults.empty()) {
      adopt_stored_choices(communicator, stored, draft.job);
      if (draft.job.execution().plan() == proto::MEASURED) {
        measure_plan(communicator, setup.out / "job.pbtxt", options, draft.job);
      }
    }
    setup.network = Network::build(*draft.job.mutable_model(), options, draft.faults);
  }
  if (setup.network) {
    check_groups(setup.network->parameters(), setup.network->frozen(), draft.job.parameters(), draft.faults);
  }
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  const NetworkSizes sizes{.parameter_elements = setup.network->parameter_values().size(),
                           .frozen_elements = setup.network->frozen_values().size(),
                           .gradient_elements = setup.network->gradient_elements()};
  RETURN_IF_ERROR(check_shared_memory(communicator, draft.job, sizes));
  setup.job = draft.job;
  setup.optimizer = Optimizer::make(setup.job.optimizer(), setup.network->parameters(),
                                    setup.network->parameter_values().size(), setup.job.parameters());
  if (setup.job.has_average()) {
    Network& network = *setup.network;
    setup.average = std::make_unique<WeightAverage>(setup.job.average().decay(), network.parameter_values().size(),
                                                    network.buffer_values().size());
    setup.average->begin(network.parameter_values(), network.buffer_values());
  }
  return OkStatus();
}

// Of a network alone: the job that would only evaluate it.
JobDraft network_draft(const Checkpoint& checkpoint) {
  JobDraft draft = parse_job("", "the model in the checkpoint");
  draft.faults = Faults();
  parse_text_proto(checkpoint.model, *draft.job.mutable_model(), draft.faults);
  *draft.job.mutable_loss() = fitting_loss(checkpoint.target);
  return draft;
}

}  // namespace

StatusOr<Setup> set_up(Communicator& communicator, const std::filesystem::path& job_path,
                       const std::vector<std::string>& overrides, const std::filesystem::path& out) {
  Setup setup;
  StatusOr<JobDraft> draft = read_job(job_path, overrides);
  if (draft.ok()) setup.out = output_directory(out, *draft);
  if (draft.ok() && !draft->faults.empty()) look_further(communicator.size(), *draft);
  RETURN_IF_ERROR(agree(communicator, draft.ok() ? draft->faults.status(draft->file) : draft.status()));
  RETURN_IF_ERROR(check_same_job(communicator, *draft));
  RETURN_IF_ERROR(check_threads(communicator, draft->job.execution().threads_per_rank()));
  std::optional<proto::Job> stored;
  if (communicator.rank() == 0) stored = stored_job(setup.out);
  adopt_stored_splits(communicator, stored, draft->job);
  setup.job = draft->job;
  ASSIGN_OR_RETURN(setup.rows, open_job_rows(communicator, setup.job.data()));
  RETURN_IF_ERROR(agree(communicator, build_network(communicator, stored, *draft, setup)));
  return setup;
}

StatusOr<Setup> set_up_on(Communicator& communicator, JobDraft draft, std::unique_ptr<Dataset> train) {
  Setup setup;
  setup.rows.train = std::move(train);
  RETURN_IF_ERROR(agree(communicator, draft.faults.status(draft.file)));
  RETURN_IF_ERROR(check_threads(communicator, draft.job.execution().threads_per_rank()));
  RETURN_IF_ERROR(agree(communicator, build_network(communicator, std::nullopt, draft, setup)));
  return setup;
}

NetworkOptions network_options(const proto::Job& job, const ImageShape& image, int classes) {
  const auto frozen = [groups = job.parameters()](std::string_view name) { return is_frozen(name, groups); };
  return {.image = image,
          .classes = classes,
          .slice_rows = job.batch() / job.slices(),
          .threads = job.execution().threads_per_rank(),
          .seed = job.seed(),
          .loss = loss_of(job.loss()),
          .auxiliary = auxiliary_losses(job.loss()),
          .precision = job.execution().precision() == proto::BF16 ? Precision::kBf16 : Precision::kFp32,
          .plan = job.execution().plan() == proto::DIRECT_ONLY ? PlanChoice::kDirectOnly : PlanChoice::kByShape,
          .is_frozen = frozen};
}

Target learned_target(Target target, const proto::Job& job) {
  target.ignored = ignored_label(job.loss());
  return target;
}

RowOrder row_order(const proto::Job& job, std::int64_t rows, std::shared_ptr<const ClassRows> by_class) {
  return {job.seed(), rows, job.batch(), job.slices(), job.data().tail() == proto::WRAP, std::move(by_class)};
}

ImageTransform training_transform(const DatasetInfo& train, const proto::Job& job) {
  ImageTransform transform(train.image, train.pixel_type, train.mean, train.deviation);
  transform.take_targets(train.whole_target());
  transform.augment(job.data().augmentation(), job.seed(), train.is_encoded);
  return transform;
}

ReducerOptions reducer_options(const proto::Job& job, std::size_t parameter_elements) {
  const bool tree = job.execution().reduction() == proto::TREE;
  return {.mode = tree ? ReductionMode::kTree : ReductionMode::kMpiAllReduce,
          .shared_memory = job.execution().shared_memory(),
          .wire = wire_of(job),
          .slices = job.slices(),
          .parted_elements = parameter_elements,
          .share_unit = job.has_clip_global_norm() ? kNormBlock : kLineElements,
          .bucket_bytes = static_cast<std::size_t>(job.execution().bucket_bytes()),
          .overlap = overlap_of(job)};
}

std::size_t reduced_elements(std::size_t gradient_elements) {
  return gradient_elements + TrainStep::kTailElements;
}

StatusOr<LoadedNetwork> load_network(Communicator& communicator, const Checkpoint& checkpoint) {
  const bool is_alone = checkpoint.job.empty();
  JobDraft draft = is_alone ? network_draft(checkpoint) : parse_job(checkpoint.job, "the job in the checkpoint");
  if (checkpoint.image_shape.size() != 3) return bad_data("the checkpoint does not say the shape of its images");
  const ImageShape image{.channels = static_cast<int>(checkpoint.image_shape[0]),
                         .height = static_cast<int>(checkpoint.image_shape[1]),
                         .width = static_cast<int>(checkpoint.image_shape[2])};
  const int classes = static_cast<int>(checkpoint.class_names.size());
  RETURN_IF_ERROR(check_threads(communicator, draft.job.execution().threads_per_rank()));
  if (const std::string why_not = take_threads(draft.job.execution().threads_per_rank()); !why_not.empty()) {
    return bad_configuration(fmt::format("execution.threads_per_rank of the checkpoint's job: {}", why_not));
  }
  resolve_model(classes, *draft.job.mutable_model(), draft.faults);
  LoadedNetwork loaded;
  std::string too_large;
  if (draft.faults.empty()) {
    NetworkOptions options = network_options(draft.job, image, classes);
    options.admit = [&](const NetworkSizes& sizes) {
      return too_large =
                 too_much({.ranks = communicator.local_size(),
                           .network = double(sizes.own_bytes),
                           .parameters = double(sizes.parameter_elements + sizes.frozen_elements) * sizeof(float)},
                          host_memory());
    };
    loaded.network = Network::build(*draft.job.mutable_model(), options, draft.faults);
  }
  if (!too_large.empty()) return bad_configuration(fmt::format("the network of the checkpoint: {}", too_large));
  const Status status = draft.faults.status(draft.file);
  if (!status.ok()) return bad_data(std::string(status.message()));
  loaded.job = draft.job;
  return loaded;
}

}  // namespace lockstep
