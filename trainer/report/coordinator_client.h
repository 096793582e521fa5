// Tells the coordinator what happens in an attempt, and hears from it whether to go on.
//
// A thread of its own sends reports: at once after an evaluation or a checkpoint, otherwise as a sign of life. While
// the coordinator is away reports wait, and training goes on; what was not delivered in the end stands in
// metrics.jsonl, which the coordinator reads. Train points beyond a limit are dropped, the oldest first. Where the
// coordinator is, and which one it is, is read from its endpoint file, anew whenever it does not answer; what another
// one says at the same address does not count. Threads: the object by one thread; callbacks come from the sending
// thread. Never calls MPI.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "storage/base/status.h"
#include "trainer/report/events.h"

namespace lockstep {

namespace proto {
class ReportRequest;
}

class CoordinatorClient {
 public:
  struct Callbacks {
    std::function<void()> on_stop;                      // stop at a checkpoint; may come more than once
    std::function<void(const std::string&)> on_fenced;  // this attempt is not the trial's any more: end at once
  };
  static constexpr std::size_t kMostTrainPoints = 10'000;

  // `attempt_file`: proto/attempt.proto, AttemptFile. Nobody need answer yet. Errors: bad_configuration; io_error
  // when it is there and cannot be read.
  static StatusOr<std::unique_ptr<CoordinatorClient>> start(const std::filesystem::path& attempt_file,
                                                            Callbacks callbacks);
  ~CoordinatorClient();

  void report(const TrainPoint& point);
  // Waits for the answer, so that a stop takes effect at this epoch: at most a second, and not at all while the
  // coordinator is away.
  void report(const EvalPoint& point) { report(std::span(&point, 1)); }
  // Several, oldest first; those that the coordinator has already change nothing.
  void report(std::span<const EvalPoint> points);
  void report(const CheckpointPoint& point);
  // Train points that were dropped so far.
  std::int64_t dropped() const;
  // Gives what waits at most two seconds to be delivered; nothing is sent after. Whether all evaluations were taken.
  bool finish();

 private:
  class Connection;  // what needs the headers of gRPC and protobuf

  CoordinatorClient(std::unique_ptr<Connection> connection, double heartbeat_seconds);
  void send_all();
  proto::ReportRequest next_report();
  void delivered(const proto::ReportRequest& request);

  const std::unique_ptr<Connection> connection_;  // the sending thread's
  const std::chrono::steady_clock::duration heartbeat_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<TrainPoint> train_;
  std::deque<EvalPoint> evaluations_;
  std::deque<CheckpointPoint> checkpoints_;
  std::int64_t dropped_ = 0;  // train points
  bool urgent_ = false;       // there is something that is not to wait for the next sign of life
  bool connected_ = true;     // no call has failed since the last that was answered
  bool ending_ = false;
  bool give_up_ = false;
  bool ended_ = false;  // all was delivered, or given up
  std::thread thread_;
};

}  // namespace lockstep
