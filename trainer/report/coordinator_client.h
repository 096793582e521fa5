// Tells the coordinator what happens in an attempt, and hears from it whether to go on.
//
// A thread of its own sends reports: at once after an evaluation or a checkpoint, otherwise as a sign of life. While
// the coordinator is away reports wait, and training goes on; what was not delivered in the end stands in
// metrics.jsonl, which the coordinator reads. Train points beyond a limit are dropped, the oldest first. Where the
// coordinator is, and which one it is, is read from its endpoint file, anew whenever it does not answer; what another
// one says at the same address does not count. Threads: the object by one thread; callbacks come from the sending
// thread. Never calls MPI.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "storage/base/status.h"
#include "trainer/report/events.h"

namespace lockstep {

class CoordinatorClient {
 public:
  struct Callbacks {
    std::function<void()> on_stop;                      // stop at a checkpoint; may come more than once
    std::function<void(const std::string&)> on_fenced;  // this attempt is not the trial's any more: end at once
  };
  static constexpr std::size_t kMostTrainPoints = 10'000;

  // `attempt_file`: proto/attempt.proto, AttemptFile. Nobody need answer yet. Errors: bad_configuration.
  static StatusOr<std::unique_ptr<CoordinatorClient>> start(const std::filesystem::path& attempt_file,
                                                            Callbacks callbacks);
  virtual ~CoordinatorClient() = default;

  virtual void report(const TrainPoint& point) = 0;
  // Waits for the answer, so that a stop takes effect at this epoch: at most a second, and not at all while the
  // coordinator is away.
  void report(const EvalPoint& point) { report(std::span(&point, 1)); }
  // Several, oldest first; those that the coordinator has already change nothing.
  virtual void report(std::span<const EvalPoint> points) = 0;
  virtual void report(const CheckpointPoint& point) = 0;
  // Train points that were dropped so far.
  virtual std::int64_t dropped() const = 0;
  // Gives what waits at most two seconds to be delivered; nothing is sent after. Whether all evaluations were taken.
  virtual bool finish() = 0;
};

}  // namespace lockstep
