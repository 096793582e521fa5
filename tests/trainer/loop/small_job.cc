#include "tests/trainer/loop/small_job.h"

#include <fstream>
#include <mutex>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "storage/checkpoint/diff.h"
#include "storage/checkpoint/directory.h"
#include "storage/dataset/hdf5_writer.h"
#include "storage/dataset/synthetic.h"
#include "tests/storage/dataset/targets.h"
#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

constexpr const char* kJob = R"(
name: "small"
data { path: "DATA" augmentation { random_crop { padding: 1 } horizontal_flip {} } }
model {
  layer { convolution { filters: 8 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { residual { body { convolution { filters: 8 kernel: 3 padding: SAME } } } }
  layer { max_pooling { kernel: 2 } }
  layer { dropout { rate: 0.2 } }
  layer { flatten {} }
  layer { dense { units: 4 } }
}
batch: 32
slices: 8
epochs: 3
optimizer { sgd { momentum: 0.9 nesterov: true } weight_decay: 1e-4 }
schedule { one_cycle { peak: 0.05 warm_up_epochs: 1 } }
loss { label_smoothing: 0.05 }
clip_global_norm: 5
checkpoint { every_steps: 5 }
)";

void write_split(Hdf5DatasetWriter& writer, const std::string& name, std::int64_t first_row, std::int64_t rows) {
  const auto source = make_synthetic_dataset({.rows = rows,
                                              .image = {.channels = 1, .height = 8, .width = 8},
                                              .pixel_type = PixelType::kUint8,
                                              .classes = 4,
                                              .seed = 3,
                                              .first_row = first_row});
  std::vector<std::int64_t> all(static_cast<std::size_t>(rows));
  std::iota(all.begin(), all.end(), 0);
  std::vector<std::byte> pixels(all.size() * source->info().image.elements());
  ASSERT_TRUE(source->read(all, pixels).ok());
  ASSERT_TRUE(writer.begin_split(name, rows, source->info().image, PixelType::kUint8).ok());
  ASSERT_TRUE(writer.append(pixels, all_labels(*source)).ok());
}

void write_data(const std::filesystem::path& path) {
  auto writer = Hdf5DatasetWriter::create(path, {.class_names = {"a", "b", "c", "d"}, .compress_level = 0});
  ASSERT_TRUE(writer.ok()) << writer.status();
  write_split(**writer, "train", 0, 256);
  write_split(**writer, "test", 256, 50);
  ASSERT_TRUE((*writer)->finish().ok());
}

}  // namespace

TrainOptions SmallJob::options(const std::string& name, std::vector<std::string> overrides) const {
  TrainOptions options;
  options.job = job;
  options.overrides = std::move(overrides);
  options.out = directory / name;
  options.progress = ProgressStyle::kPlain;
  return options;
}

StatusOr<Checkpoint> SmallJob::result(const std::string& name) const {
  ASSIGN_OR_RETURN(FoundCheckpoint found, newest_good_checkpoint(directory / name / "checkpoints",
                                                                 [](const std::filesystem::path&, const Status&) {}));
  return std::move(found.checkpoint);
}

SmallJob::SmallJob() {
  const std::filesystem::path data = directory / "rows.h5";
  write_data(data);
  std::string text = kJob;
  text.replace(text.find("DATA"), 4, data.string());
  std::ofstream(job) << text;
}

Status train_on(int ranks, const TrainOptions& options) {
  std::mutex mutex;
  std::vector<Status> all;
  run_in_threads(ranks, [&](Communicator& communicator) {
    const Status status = train(communicator, options);
    const std::lock_guard lock(mutex);
    all.push_back(status);
  });
  for (const Status& status : all) EXPECT_EQ(status.code(), all[0].code()) << status << "\n" << all[0];
  return all[0];
}

bool identical(const StatusOr<Checkpoint>& a, const StatusOr<Checkpoint>& b) {
  EXPECT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  return a.ok() && b.ok() && diff_checkpoints(*a, *b).identical;
}

}  // namespace lockstep
