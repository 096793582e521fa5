// Starts attempts (one mpirun each), watches them, and ends them. It knows nothing of sweeps or of what is trained.
// Two implementations: local_executor.h (processes of this host) and fake_executor.h (for tests of the coordinator);
// tests/coordinator/execute/executor_contract_test.cc runs on both.
//
// The end of every attempt that was given to ensure() is told once, through the callback that the implementation was
// made with. Until then none of its processes is forgotten; after it none is left.
// Errors: none are returned. An attempt that cannot be started ends as LOST, with the reason as its message.
// Threads: calls from any; none blocks on an attempt, and all may be made from within the callback.
#pragma once

#include <compare>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/attempt.pb.h"
#include "proto/event.pb.h"

namespace lockstep {

struct AttemptKey {
  std::string sweep;
  int trial = 0;
  int attempt = 0;

  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

struct Ended {
  AttemptKey key;
  proto::AttemptEnd end = proto::EXITED;
  int exit_code = -1;                  // of mpirun, or 128 + signal; -1: none was left (end is not EXITED)
  std::string message;                 // what happened if it is not EXITED, and the last lines of the output
  std::optional<double> seconds = {};  // how long it ran, where that is known, whoever was there to see it
};

using OnEnded = std::function<void(const Ended&)>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Starts the attempt; or, when it was started before, by this coordinator or an earlier one, watches it. For a key
  // that it has already, it does nothing.
  virtual void ensure(const AttemptKey& key, const std::filesystem::path& directory,
                      const proto::AttemptFile& attempt) = 0;
  // Whether an earlier coordinator has, or may have, started the attempt of that directory.
  virtual bool was_started(const std::filesystem::path& directory) const = 0;
  // SIGUSR1 to mpirun, once, which hands it to its ranks: they write a checkpoint and exit with 75. A job that does not
  // handle the signal yet dies of it (138). Nothing for a key that is not under way.
  virtual void ask_to_stop(const AttemptKey& key) = 0;
  // Kills every process of the attempt; its end is then `why`, or EXITED when it had ended by itself before. Nothing
  // for a key that is not under way; the first `why` counts.
  virtual void kill(const AttemptKey& key, proto::AttemptEnd why) = 0;
  // Cores that attempts may be given.
  virtual std::vector<int> cores() const = 0;
};

}  // namespace lockstep
