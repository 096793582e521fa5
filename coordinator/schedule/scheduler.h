// Which trials of a sweep are created, trained further, stopped: pure functions of what the trials have reached.
//
// next() answers for a free slot, judge() for an evaluation. The caller carries the answers out and asks again: nothing
// is remembered here, so the same progress always gives the same answer. Every answer has its reason, a sentence for
// people, which is stored with the decision.
// Requires everywhere: progress[i].trial == i; a paused trial has come to its until_epoch, which is not 0; the
// scheduler's fields are within the limits of proto/sweep.proto; max_epochs, the epochs of the job, is at least 1.
// Threads: functions are independent.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/sweep.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// What a scheduler sees of a trial.
struct TrialProgress {
  int trial = 0;
  int bracket = 0;
  // kRunning also when it waits to be started or retried.
  enum class State { kRunning, kPaused, kCompleted, kStopped, kFailed } state = State::kRunning;
  std::vector<double> values;  // objective after epoch 1, 2, ...; smaller is better, NaN is worst
  int until_epoch = 0;         // epoch to which it has been told to train; 0: to the end
};

struct Verdict {
  bool stop = false;
  std::string reason;  // empty: nothing was decided
};

struct Next {
  enum class What {
    kCreate,  // a new trial
    kResume,  // a paused one
    kWait,    // nothing until a running trial reports
    kDone     // nothing ever again, and nothing runs; paused trials that are left are stopped by the caller
  } what = What::kWait;
  int trial = 0;        // for kResume
  int bracket = 0;      // group of trials that are compared: 0, all of them
  int until_epoch = 0;  // for kCreate and kResume; 0: to the end
  std::string reason;
};

// Whether a running trial goes on after its newest evaluation. Only asha without `promote` and median ever stop one.
Verdict judge(const proto::Scheduler& scheduler, std::span<const TrialProgress> progress, int trial, int max_epochs);

// What to do with a free slot.
Next next(const proto::Scheduler& scheduler, std::span<const TrialProgress> progress, int most_trials, int max_epochs);

// Epochs at which trials are compared, rising; the last are the job's. With run_to_end and median only those.
std::vector<int> compared_epochs(const proto::Scheduler& scheduler, int max_epochs);

// Sum of epochs over all trials if at each rung as many are stopped as the scheduler means to. run_to_end and median
// mean to stop no certain number: all epochs of all trials.
double expected_epochs(const proto::Scheduler& scheduler, int trials, int max_epochs);

// Adds a fault at `path`.KIND.min_epochs when no trial could ever be compared.
void check_scheduler(const proto::Scheduler& scheduler, int max_epochs, std::string_view path, Faults& faults);

}  // namespace lockstep
