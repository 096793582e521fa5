// An executor without processes, for tests of the coordinator: it keeps what it was asked, and the test says when and
// how attempts end. Ends are told by deliver() alone, so a test decides where in the coordinator's work they fall.
// Threads: one thread.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/execute/executor.h"

namespace lockstep {

class FakeExecutor : public Executor {
 public:
  // Requires: on_ended.
  FakeExecutor(std::vector<int> cores, OnEnded on_ended);

  void ensure(const AttemptKey& key, const std::filesystem::path& directory,
              const proto::AttemptFile& attempt) override;
  bool was_started(const std::filesystem::path& directory) const override;
  void ask_to_stop(const AttemptKey& key) override;
  void kill(const AttemptKey& key, proto::AttemptEnd why) override;
  std::vector<int> cores() const override { return cores_; }

  // For tests.
  struct Started {
    std::filesystem::path directory;
    proto::AttemptFile attempt;
    bool asked_to_stop = false;
  };
  // Those whose end was not delivered.
  const std::map<AttemptKey, Started>& under_way() const { return under_way_; }
  // Keys in the order in which ensure() first saw them.
  const std::vector<AttemptKey>& started() const { return started_; }
  const std::vector<std::pair<AttemptKey, proto::AttemptEnd>>& killed() const { return killed_; }

  // mpirun ends by itself, or the attempt is lost with its shim. Nothing when it has an end already.
  // Requires: it is under way.
  void end_with_code(const AttemptKey& key, int exit_code, std::string message = "");
  void lose(const AttemptKey& key, std::string message = "");
  // Tells the ends so far, and those that come of it, to on_ended; returns how many.
  int deliver();

 private:
  void end(Ended ended);

  const std::vector<int> cores_;
  const OnEnded on_ended_;
  std::map<AttemptKey, Started> under_way_;
  std::vector<AttemptKey> started_;
  std::vector<std::pair<AttemptKey, proto::AttemptEnd>> killed_;
  std::set<AttemptKey> has_end_;
  std::deque<Ended> to_deliver_;
};

}  // namespace lockstep
