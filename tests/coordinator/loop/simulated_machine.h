// A machine that is only numbers and lists, for the loop: clocks, a disk, trainers, and a network that loses answers. A
// seed decides what befalls it. The coordinator, the core and the store in memory are the real ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "coordinator/loop/coordinator.h"
#include "tests/coordinator/loop/loop_scene.h"

namespace lockstep {

// What stands against what befalls; a control takes one away.
struct Protections {
  bool pause = true;  // a pause of the coordinator does not count against leases
  bool clock = true;  // the time of events goes on with a clock that nobody sets
  bool seq = true;    // a report whose number does not rise changes nothing
  bool line = true;   // a run that goes on tells again what was lost
  bool room = true;   // nothing is started on a full disk
};

class SimulatedMachine {
 public:
  // `directory`: for the small files that the coordinator writes.
  SimulatedMachine(std::uint64_t seed, std::filesystem::path directory, Protections protections);
  ~SimulatedMachine();

  // Sweeps until all have ended. Returns what went wrong first; empty: nothing.
  std::string run();

 private:
  class Processes;
  class Disk;
  using Milliseconds = std::chrono::milliseconds;

  struct Process {
    proto::AttemptId id;
    int epoch = 0;
    std::set<int> untold;  // epochs whose evaluation was not acknowledged
    std::int64_t seq = 0;
    std::optional<proto::ReportRequest> under_way;  // sent; not known whether it arrived
    Milliseconds silent{0};
    bool hangs = false;
  };
  // What the attempts of a trial have left on the disk.
  struct Run {
    int trial = 0;
    int epoch = 0;        // of the newest checkpoint
    std::set<int> lines;  // epochs in metrics.jsonl
  };

  bool one_in(std::uint64_t count) { return chance_() % count == 0; }
  void wrong(const std::string& what);
  void pass(Milliseconds time);
  void open();
  void round();
  void tell_ends();
  void answer_searches();
  void befall();
  void pause();
  void hang_or_kill();
  void live();
  void live(const AttemptKey& key, Process& process);
  void send(const AttemptKey& key, Process& process);
  void repeat_number(const Process& process);
  void answered(const AttemptKey& key, const Status& status);
  void start(const AttemptKey& key, const proto::AttemptFile& file);
  void end(const AttemptKey& key, proto::AttemptEnd how, int exit_code);
  void ask_for_sweep();
  void check_log();

  std::filesystem::path run_of(const AttemptKey& key) const;
  RunHistory history_of(const std::filesystem::path& run);

  const Protections protections_;
  const std::filesystem::path directory_;
  std::mt19937_64 chance_;
  VirtualTime time_;
  const std::unique_ptr<Disk> disk_;
  std::map<AttemptKey, Process> processes_;
  std::map<std::filesystem::path, Run> runs_;
  std::set<std::filesystem::path> started_;  // directories of attempts
  std::set<AttemptKey> hung_;
  std::map<AttemptKey, Ended> ended_;
  std::vector<AttemptKey> to_tell_;
  OnEnded on_ended_;                                                // of the coordinator that lives
  std::vector<std::pair<Question, SearchWorker::OnAnswer>> asked_;  // of searches
  std::unique_ptr<Coordinator> coordinator_;
  int acknowledged_ = 0;  // sweeps
  bool all_ended_ = false;
  std::string wrong_;
};

}  // namespace lockstep
