#include "trainer/loop/setup.h"

#include <utility>

#include "storage/dataset/hdf5_dataset.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/training_job.h"
#include "trainer/loop/training_state.h"

namespace lockstep {
namespace {

NetworkOptions network_options(const proto::Job& job, const ImageShape& image, std::size_t classes) {
  return {.image = image,
          .classes = static_cast<int>(classes),
          .slice_rows = job.batch() / job.slices(),
          .threads = job.execution().threads_per_rank(),
          .seed = job.seed(),
          .label_smoothing = job.loss().label_smoothing()};
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

Status build_parts(int ranks, JobDraft& draft, Setup& setup) {
  setup.job = draft.job;
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  RETURN_IF_ERROR(open_splits(setup));
  const DatasetInfo& info = setup.train->info();
  check_job(info, ranks, draft);
  resolve_model(static_cast<int>(info.class_names.size()), *draft.job.mutable_model(), draft.faults);
  if (draft.faults.empty()) {
    setup.network = Network::build(draft.job.model(), network_options(draft.job, info.image, info.class_names.size()),
                                   draft.faults);
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
                       const std::vector<std::string>& overrides) {
  Setup setup;
  StatusOr<JobDraft> draft = read_job(job_path, overrides);
  const Status built = draft.ok() ? build_parts(communicator.size(), *draft, setup) : draft.status();
  RETURN_IF_ERROR(agree(communicator, built));
  return setup;
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
    loaded.network = Network::build(draft.job.model(), network_options(draft.job, image, classes), draft.faults);
  }
  const Status status = draft.faults.status(draft.file);
  if (!status.ok()) return bad_data(std::string(status.message()));
  loaded.job = draft.job;
  RETURN_IF_ERROR(restore(checkpoint, *loaded.network, nullptr));
  return loaded;
}

}  // namespace lockstep
