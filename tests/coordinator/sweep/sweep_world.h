// A sweep without a machine: the pure core, a clock that is only a number, and attempts that end as chance wants.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "coordinator/sweep/attempts.h"
#include "coordinator/sweep/plan.h"

namespace lockstep {

// A spec of a small job, complete; `more` is text proto.
proto::SweepSpec sample_spec(const std::string& more);

proto::EvalMetric eval_metric(int epoch, double loss, double accuracy);  // at step 10 * epoch
// A report of the attempt that runs, with nothing in it yet.
proto::ReportRequest report_of(const Sweep& sweep, const Trial& trial);
// The end of the attempt that runs, which brought nothing.
AttemptResult end_of(const Sweep& sweep, const Trial& trial, int exit_code, proto::AttemptEnd how = proto::EXITED);

class SweepWorld {
 public:
  SweepWorld(std::uint64_t seed, int cores) : chance_(seed) {
    for (int core = 0; core < cores; ++core) cores_.push_back(core);
  }

  // From now on answers of searches come late, and in any order; before, at once.
  void answer_late() { late_ = true; }
  void submit(const proto::SweepSpec& spec);
  // Something happens to an attempt, or a person asks for something; then all that follows from it. `failures`: in how
  // many of a hundred cases an attempt fails.
  void step(int failures);
  // Until nothing runs and nothing is planned.
  void finish(int failures);
  void take(Events events);
  void report(const proto::ReportRequest& request);
  void end(const AttemptResult& result);
  void ask(const std::string& sweep, proto::Wish wish);
  void plan_all();

  void pass(std::int64_t ms) { now_ms_ += ms; }
  std::int64_t now_ms() const { return now_ms_; }

  const State& state() const { return state_; }
  const std::vector<proto::Event>& log() const { return log_; }
  // The objective of a trial after an epoch: of its parameters alone.
  static double accuracy(const Trial& trial, int epoch);

 private:
  bool search(const std::vector<std::string>& sweeps);
  void take_answer(std::size_t place);
  void evaluate(const Sweep& sweep, const Trial& trial);

  State state_;
  std::vector<Question> asked_;  // one a sweep
  Answers answers_;
  bool late_ = false;
  std::vector<proto::Event> log_;
  std::vector<int> cores_;
  std::mt19937_64 chance_;
  std::int64_t now_ms_ = 1'000'000;
  int tokens_ = 0;
};

}  // namespace lockstep
