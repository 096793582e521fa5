#include "coordinator/schedule/scheduler.h"

#include "coordinator/schedule/asha.h"
#include "coordinator/schedule/hyperband.h"
#include "coordinator/schedule/median.h"
#include "coordinator/schedule/run_to_end.h"
#include "coordinator/schedule/rungs.h"
#include "coordinator/schedule/successive_halving.h"

namespace lockstep {
namespace {

void check_progress(std::span<const TrialProgress> progress, int max_epochs) {
  CHECK(max_epochs >= 1, "{} epochs", max_epochs);
  for (std::size_t i = 0; i < progress.size(); ++i) {
    const TrialProgress& it = progress[i];
    CHECK(it.trial == static_cast<int>(i), "trial {} at place {}", it.trial, i);
    CHECK(it.state != TrialProgress::State::kPaused || (it.until_epoch > 0 && value_at(it, it.until_epoch)),
          "trial {} is paused after {} epochs and was told {}", i, it.values.size(), it.until_epoch);
  }
}

}  // namespace

Verdict judge(const proto::Scheduler& scheduler, std::span<const TrialProgress> progress, int trial, int max_epochs) {
  check_progress(progress, max_epochs);
  CHECK(trial >= 0 && static_cast<std::size_t>(trial) < progress.size(), "trial {} of {}", trial, progress.size());
  switch (scheduler.kind_case()) {
    case proto::Scheduler::kAsha:
      return judge_asha(scheduler.asha(), progress, trial, max_epochs);
    case proto::Scheduler::kMedian:
      return judge_median(scheduler.median(), progress, trial, max_epochs);
    case proto::Scheduler::kRunToEnd:
    case proto::Scheduler::kSuccessiveHalving:
    case proto::Scheduler::kHyperband:
    case proto::Scheduler::KIND_NOT_SET:
      return {};
  }
  CHECK(false, "scheduler {}", static_cast<int>(scheduler.kind_case()));
}

Next next(const proto::Scheduler& scheduler, std::span<const TrialProgress> progress, int most_trials, int max_epochs) {
  check_progress(progress, max_epochs);
  switch (scheduler.kind_case()) {
    case proto::Scheduler::kSuccessiveHalving:
      return next_halving(scheduler.successive_halving(), progress, most_trials, max_epochs);
    case proto::Scheduler::kAsha:
      return next_asha(scheduler.asha(), progress, most_trials, max_epochs);
    case proto::Scheduler::kHyperband:
      return next_hyperband(scheduler.hyperband(), progress, most_trials, max_epochs);
    case proto::Scheduler::kMedian:
    case proto::Scheduler::kRunToEnd:
    case proto::Scheduler::KIND_NOT_SET:
      return next_to_end(progress, most_trials);
  }
  CHECK(false, "scheduler {}", static_cast<int>(scheduler.kind_case()));
}

std::vector<int> compared_epochs(const proto::Scheduler& scheduler, int max_epochs) {
  switch (scheduler.kind_case()) {
    case proto::Scheduler::kSuccessiveHalving:
      return rungs(scheduler.successive_halving().min_epochs(), scheduler.successive_halving().eta(), max_epochs);
    case proto::Scheduler::kAsha:
      return rungs(scheduler.asha().min_epochs(), scheduler.asha().eta(), max_epochs);
    case proto::Scheduler::kHyperband:
      return rungs_of_hyperband(scheduler.hyperband(), max_epochs);
    case proto::Scheduler::kMedian:
    case proto::Scheduler::kRunToEnd:
    case proto::Scheduler::KIND_NOT_SET:
      return {max_epochs};
  }
  CHECK(false, "scheduler {}", static_cast<int>(scheduler.kind_case()));
}

double expected_epochs(const proto::Scheduler& scheduler, int trials, int max_epochs) {
  const auto epochs = [&](const auto& kind) {
    return epochs_of_halving(trials, kind.eta(), rungs(kind.min_epochs(), kind.eta(), max_epochs));
  };
  switch (scheduler.kind_case()) {
    case proto::Scheduler::kSuccessiveHalving:
      return epochs(scheduler.successive_halving());
    case proto::Scheduler::kAsha:
      return epochs(scheduler.asha());
    case proto::Scheduler::kHyperband:
      return epochs_of_hyperband(scheduler.hyperband(), trials, max_epochs);
    case proto::Scheduler::kMedian:
    case proto::Scheduler::kRunToEnd:
    case proto::Scheduler::KIND_NOT_SET:
      return static_cast<double>(trials) * max_epochs;
  }
  CHECK(false, "scheduler {}", static_cast<int>(scheduler.kind_case()));
}

void check_scheduler(const proto::Scheduler& scheduler, int max_epochs, std::string_view path, Faults& faults) {
  const auto add = [&](std::string_view kind, int min_epochs, const std::string& what) {
    faults.add(path_of(path_of(path, kind), "min_epochs"),
               fmt::format("{} is {} the job's {}: no trial would ever be compared", min_epochs, what,
                           count_text(max_epochs, "epoch")));
  };
  const auto check = [&](std::string_view kind, int min_epochs) {
    if (min_epochs >= max_epochs) add(kind, min_epochs, "not below");
  };
  const auto check_hyperband = [&](const proto::Hyperband& it) {
    const std::int64_t second_rung = std::int64_t{it.min_epochs()} * it.eta();
    if (second_rung > max_epochs) add("hyperband", it.min_epochs(), fmt::format("more than 1/{} of", it.eta()));
  };
  switch (scheduler.kind_case()) {
    case proto::Scheduler::kSuccessiveHalving:
      return check("successive_halving", scheduler.successive_halving().min_epochs());
    case proto::Scheduler::kAsha:
      return check("asha", scheduler.asha().min_epochs());
    case proto::Scheduler::kMedian:
      return check("median", scheduler.median().min_epochs());
    case proto::Scheduler::kHyperband:
      return check_hyperband(scheduler.hyperband());
    case proto::Scheduler::kRunToEnd:
    case proto::Scheduler::KIND_NOT_SET:
      return;
  }
}

}  // namespace lockstep
