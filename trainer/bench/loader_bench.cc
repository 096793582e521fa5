#include "trainer/bench/loader_bench.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trainer/data/slice_loader.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

Status open_rows(const proto::Job& job, int ranks, std::unique_ptr<Dataset>& rows) {
  ASSIGN_OR_RETURN(rows, open_split(job.data(), job.data().path(), job.data().train()));
  JobDraft draft{.file = "the job", .job = job, .faults = {}};
  check_job(rows->info(), ranks, draft);
  return draft.faults.status(draft.file);
}

}  // namespace

StatusOr<LoaderTiming> bench_loader(Communicator& communicator, const proto::Job& job, double seconds) {
  std::unique_ptr<Dataset> rows;
  RETURN_IF_ERROR(agree(communicator, open_rows(job, communicator.size(), rows)));
  const int slices = job.slices() / communicator.size();
  const int slice_rows = job.batch() / job.slices();
  StatusOr<std::shared_ptr<const ClassRows>> by_class = rows_by_class(job.data(), *rows);
  RETURN_IF_ERROR(agree(communicator, by_class.status()));
  RowOrder order = row_order(job, rows->info().rows, *std::move(by_class));
  SliceLoader loader(*rows, training_transform(rows->info(), job), slice_rows, job.data().prefetch_batches() * slices,
                     job.data().decode_threads());
  Mixing mixing(rows->info().image, job.data().augmentation(), job.seed());
  if (mixing.active()) loader.blend_rows(std::move(mixing));
  constexpr std::int64_t kSteps = std::int64_t{1} << 40;  // more than any time is enough for
  loader.start(plan_training(
      order,
      {.first_step = 0, .last_step = kSteps, .first_slice = communicator.rank() * slices, .slices_per_rank = slices}));
  Status status = loader.next().status();  // the first one finds nothing read ahead
  communicator.barrier();
  std::int64_t read = 0;
  const Clock::time_point begin = Clock::now();
  double elapsed = 0;
  while (status.ok() && elapsed < seconds) {
    status = loader.next().status();
    read += slice_rows;
    elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  RETURN_IF_ERROR(agree(communicator, status));
  const double rate = double(read) / elapsed;
  std::vector<double> rates(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&rate, 1)), std::as_writable_bytes(std::span(rates)));
  LoaderTiming timing;
  for (const double each : rates) timing.rows_per_second += each;
  const DatasetInfo& info = rows->info();
  timing.stored_bytes_per_second =
      timing.rows_per_second * double(info.image.elements() * bytes_per_pixel(info.pixel_type));
  return timing;
}

}  // namespace lockstep
