#include "trainer/bench/step_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <span>

#include <sys/resource.h>

#include "storage/dataset/synthetic.h"
#include "trainer/comm/gradient_reducer.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/core_binding.h"
#include "trainer/loop/engine.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/train_step.h"
#include "trainer/loop/training_job.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRows = 512;

rusage usage() {
  rusage now{};
  CHECK(getrusage(RUSAGE_SELF, &now) == 0);
  return now;
}

// `value` of every rank, combined on all.
template <typename T, typename Combine>
T combined(Communicator& communicator, T value, Combine combine) {
  std::vector<T> all(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&value, 1)), std::as_writable_bytes(std::span(all)));
  return std::accumulate(all.begin() + 1, all.end(), all.front(), combine);
}

template <typename T>
T sum(Communicator& communicator, T value) {
  return combined(communicator, value, [](T a, T b) { return a + b; });
}

template <typename T>
T largest(Communicator& communicator, T value) {
  return combined(communicator, value, [](T a, T b) { return std::max(a, b); });
}

std::int64_t training_flops(const Network& network) {
  std::int64_t flops = 0;
  for (const LayerSummary& layer : network.summary()) flops += layer.training_flops;
  return flops;
}

MachinePeaks measure_all(Communicator& communicator, const proto::Job& job) {
  communicator.barrier();
  const MachinePeaks mine = measure_peaks(job.execution().threads_per_rank());
  return {.fma_flops = sum(communicator, mine.fma_flops),
          .bf16_flops = sum(communicator, mine.bf16_flops),
          .memory_bytes = sum(communicator, mine.memory_bytes)};
}

class Bench {
 public:
  Bench(Communicator& communicator, Setup setup, const StepBenchOptions& options, const MachinePeaks& peaks_before)
      : communicator_(communicator),
        setup_(std::move(setup)),
        options_(options),
        peaks_before_(peaks_before),
        engine_(communicator, setup_, all_steps()) {}

  StatusOr<StepBenchResult> run() {
    StepBenchResult result;
    engine_.start(0);
    for (std::int64_t step = 0; step < options_.warm_up_steps; ++step) RETURN_IF_ERROR(run_step(step));
    communicator_.barrier();
    setup_.network->clear_step_times();
    const TimeAccount before = engine_.account;
    const ReductionTimes reduction_before = engine_.reducer.times();
    const std::int64_t faults_before = usage().ru_minflt;
    for (std::int64_t step = options_.warm_up_steps; step < all_steps(); ++step) {
      const Clock::time_point begin = Clock::now();
      RETURN_IF_ERROR(run_step(step));
      result.step_seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    result.page_faults = double(usage().ru_minflt - faults_before) / options_.steps;
    fill_times(before, reduction_before, result);
    fill_sizes(result);
    const MachinePeaks after = measure_all(communicator_, job());
    result.peaks = {.fma_flops = std::max(peaks_before_.fma_flops, after.fma_flops),
                    .bf16_flops = std::max(peaks_before_.bf16_flops, after.bf16_flops),
                    .memory_bytes = std::max(peaks_before_.memory_bytes, after.memory_bytes)};
    engine_.heartbeat.note(Phase::kEnd, all_steps());
    return result;
  }

 private:
  const proto::Job& job() const { return setup_.job; }
  std::int64_t all_steps() const { return options_.warm_up_steps + options_.steps; }

  Status run_step(std::int64_t step) {
    const StepOutcome outcome = engine_.step.run(step, {});
    engine_.account.book(TimeShare::kOther);
    if (!outcome.finite) {
      return diverged("the loss is not finite on synthetic rows; give a smaller learning rate with --set");
    }
    return OkStatus();
  }

  void fill_times(const TimeAccount& before, const ReductionTimes& reduction_before, StepBenchResult& result) const {
    const double steps = options_.steps;
    const auto share = [&](TimeShare it) { return (engine_.account.seconds(it) - before.seconds(it)) / steps; };
    result.data_seconds = share(TimeShare::kData);
    result.compute_seconds = share(TimeShare::kCompute);
    result.update_seconds = share(TimeShare::kUpdate);
    const ReductionTimes& reduction = engine_.reducer.times();
    result.waiting_seconds = (reduction.waiting_seconds - reduction_before.waiting_seconds) / steps;
    result.reduction_seconds = share(TimeShare::kReduction) - result.waiting_seconds;
    result.hidden_reduction_seconds = (reduction.hidden_seconds - reduction_before.hidden_seconds) / steps;
    result.kernels = setup_.network->step_times();
    for (StepTime& kernel : result.kernels) kernel.seconds /= steps;
    result.mean_seconds = std::accumulate(result.step_seconds.begin(), result.step_seconds.end(), 0.0) /
                          double(result.step_seconds.size());
    result.images_per_second = job().batch() / result.mean_seconds;
    result.flops = double(training_flops(*setup_.network)) * job().batch();
  }

  void fill_sizes(StepBenchResult& result) {
    result.job = job();
    result.ranks = communicator_.size();
    result.reduction = engine_.reducer.description();
    result.cores = core_binding(communicator_, job().execution().threads_per_rank()).text;
    result.network_bytes = setup_.network->memory_bytes();
    result.resident_bytes = largest(communicator_, std::int64_t(usage().ru_maxrss) * 1024);
    result.page_faults = largest(communicator_, result.page_faults);
  }

  Communicator& communicator_;
  Setup setup_;
  StepBenchOptions options_;
  MachinePeaks peaks_before_;
  Engine engine_;
};

}  // namespace

double StepBenchResult::share_of_peak() const {
  const bool bf16 = job.execution().precision() == proto::BF16 && peaks.bf16_flops > 0;
  return flops_per_second() / (bf16 ? peaks.bf16_flops : peaks.fma_flops);
}

StatusOr<StepBenchResult> bench_step(Communicator& communicator, JobDraft draft, const StepBenchOptions& options) {
  const LossKind loss = network_options(draft.job, options.image, options.classes).loss.kind;
  std::unique_ptr<Dataset> rows = make_synthetic_dataset({.rows = std::max<std::int64_t>(kRows, draft.job.batch()),
                                                          .image = options.image,
                                                          .target = target_of(loss),
                                                          .classes = options.classes});
  const MachinePeaks peaks = measure_all(communicator, draft.job);  // first: its arrays are not the step's
  ASSIGN_OR_RETURN(Setup setup, set_up_on(communicator, std::move(draft), std::move(rows)));
  StepBenchOptions lasting = options;
  const bool several_hosts = communicator.local_size() < communicator.size();
  // There the first steps find out how to sum.
  if (several_hosts) lasting.warm_up_steps = std::max(options.warm_up_steps, OverlapChoice::kSteps);
  return Bench(communicator, std::move(setup), lasting, peaks).run();
}

}  // namespace lockstep
