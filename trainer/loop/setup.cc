#include "trainer/loop/setup.h"

#include <utility>

#include "storage/dataset/hdf5_dataset.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/plan.h"
#include "trainer/loop/train_step.h"
#include "trainer/loop/training_state.h"

namespace lockstep {
namespace {

NetworkOptions network_options(const proto::Job& job, const ImageShape& image, std::size_t classes) {
  return {.image = image,
          .classes = static_cast<int>(classes),
          .slice_rows = job.batch() / job.slices(),
          .threads = job.execution().threads_per_rank(),
          .seed = job.seed(),
          .label_smoothing = job.loss().label_smoothing(),
          .precision = job.execution().precision() == proto::BF16 ? Precision::kBf16 : Precision::kFp32,
          .plan = job.execution().plan() == proto::DIRECT_ONLY ? PlanChoice::kDirectOnly : PlanChoice::kByShape};
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

Status open_splits(Setup& setup) {
  const proto::Data& data = setup.job.data();
  StatusOr<std::unique_ptr<Dataset>> train = open_split(data, data.path(), data.train());
  if (absl::IsNotFound(train.status())) return bad_data(std::string(train.status().message()));
  RETURN_IF_ERROR(train.status());
  setup.train = *std::move(train);
  if (data.test().empty()) return OkStatus();
  StatusOr<std::unique_ptr<Dataset>> test = open_split(data, data.path(), data.test());
  if (absl::IsNotFound(test.status())) return OkStatus();
  RETURN_IF_ERROR(test.status());
  setup.test = *std::move(test);
  const DatasetInfo& a = setup.train->info();
  const DatasetInfo& b = setup.test->info();
  if (a.image != b.image || a.class_names.size() != b.class_names.size()) {
    return bad_data(
        fmt::format("{}: groups {} and {} differ: expected images of {} x {} x {} and {} classes in both, got "
                    "{} x {} x {} and {} classes in the second",
                    data.path(), data.train(), data.test(), a.image.height, a.image.width, a.image.channels,
                    a.class_names.size(), b.image.height, b.image.width, b.image.channels, b.class_names.size()));
  }
  return OkStatus();
}

std::filesystem::path output_directory(const std::filesystem::path& out, const JobDraft& draft) {
  if (!out.empty()) return out;
  const std::string name =
      draft.job.name().empty() ? std::filesystem::path(draft.file).filename().string() : draft.job.name();
  return std::filesystem::path("runs") / name.substr(0, name.find('.'));
}

Status open_rows(const JobDraft& draft, Setup& setup) {
  setup.job = draft.job;
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  return open_splits(setup);
}

// After the rows are there.
Status build_network(Communicator& communicator, JobDraft& draft, Setup& setup) {
  const DatasetInfo& info = setup.train->info();
  check_job(info, communicator.size(), draft);
  resolve_model(static_cast<int>(info.class_names.size()), *draft.job.mutable_model(), draft.faults);
  if (draft.faults.empty()) {
    const NetworkOptions options = network_options(draft.job, info.image, info.class_names.size());
    if (draft.job.execution().plan() == proto::MEASURED) {
      measure_plan(communicator, setup.out / "job.pbtxt", options, draft.job);
    }
    setup.network = Network::build(*draft.job.mutable_model(), options, draft.faults);
  }
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  setup.job = draft.job;
  setup.optimizer =
      Optimizer::make(setup.job.optimizer(), setup.network->parameters(), setup.network->parameter_values().size());
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<Dataset>> open_split(const proto::Data& data, const std::filesystem::path& path,
                                              const std::string& split) {
  return open_hdf5_dataset(path, {.group = split, .images = data.images(), .labels = data.labels()});
}

StatusOr<Setup> set_up(Communicator& communicator, const std::filesystem::path& job_path,
                       const std::vector<std::string>& overrides, const std::filesystem::path& out) {
  Setup setup;
  StatusOr<JobDraft> draft = read_job(job_path, overrides);
  RETURN_IF_ERROR(agree(communicator, draft.ok() ? open_rows(*draft, setup) : draft.status()));
  setup.out = output_directory(out, *draft);
  RETURN_IF_ERROR(agree(communicator, build_network(communicator, *draft, setup)));
  return setup;
}

StatusOr<Setup> set_up_on(Communicator& communicator, JobDraft draft, std::unique_ptr<Dataset> train) {
  Setup setup;
  setup.train = std::move(train);
  RETURN_IF_ERROR(agree(communicator, draft.faults.status(draft.file)));
  RETURN_IF_ERROR(agree(communicator, build_network(communicator, draft, setup)));
  return setup;
}

RowOrder row_order(const proto::Job& job, std::int64_t rows) {
  return {job.seed(), rows, job.batch(), job.slices(), job.data().tail() == proto::WRAP};
}

ImageTransform training_transform(const DatasetInfo& train, const proto::Job& job) {
  ImageTransform transform(train.image, train.pixel_type, train.mean, train.deviation);
  transform.augment(job.data().augmentation(), job.seed());
  return transform;
}

std::unique_ptr<GradientReducer> make_reducer(Communicator& communicator, const proto::Job& job, Network& network) {
  const bool tree = job.execution().reduction() == proto::TREE;
  std::unique_ptr<GradientReducer> reducer =
      GradientReducer::make(communicator, network.gradient_elements() + TrainStep::kTailElements,
                            {.mode = tree ? ReductionMode::kTree : ReductionMode::kMpiAllReduce,
                             .shared_memory = job.execution().shared_memory(),
                             .wire = job.execution().wire() == proto::BF16 ? Wire::kBf16 : Wire::kFp32,
                             .slices = job.slices(),
                             .parted_elements = network.parameter_values().size(),
                             .bucket_bytes = static_cast<std::size_t>(job.execution().bucket_bytes()),
                             .overlap = overlap_of(job)});
  const std::span<float> shared = reducer->shared_values(network.parameter_values().size());
  if (!shared.empty()) network.move_parameters(shared);
  return reducer;
}

StatusOr<LoadedNetwork> load_network(const Checkpoint& checkpoint) {
  JobDraft draft = parse_job(checkpoint.job, "the job in the checkpoint");
  if (checkpoint.image_shape.size() != 3) return bad_data("the checkpoint does not say the shape of its images");
  const ImageShape image{.channels = static_cast<int>(checkpoint.image_shape[0]),
                         .height = static_cast<int>(checkpoint.image_shape[1]),
                         .width = static_cast<int>(checkpoint.image_shape[2])};
  const std::size_t classes = checkpoint.class_names.size();
  resolve_model(static_cast<int>(classes), *draft.job.mutable_model(), draft.faults);
  LoadedNetwork loaded;
  if (draft.faults.empty()) {
    loaded.network =
        Network::build(*draft.job.mutable_model(), network_options(draft.job, image, classes), draft.faults);
  }
  const Status status = draft.faults.status(draft.file);
  if (!status.ok()) return bad_data(std::string(status.message()));
  loaded.job = draft.job;
  RETURN_IF_ERROR(restore(checkpoint, *loaded.network, nullptr));
  return loaded;
}

}  // namespace lockstep
