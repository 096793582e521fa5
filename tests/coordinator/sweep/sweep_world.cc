#include "tests/coordinator/sweep/sweep_world.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace lockstep {

proto::SweepSpec sample_spec(const std::string& more) {
  const std::string text = R"(
    name: "sample"
    job { name: "job" data { path: "/data/rows.h5" } model { zoo: "lenet" } epochs: 9
          schedule { constant { learning_rate: 0.1 } } optimizer { sgd {} } }
    parameter { name: "rate" path: "schedule.constant.learning_rate" float { min: 0.001 max: 1 log: true } }
    parameter { name: "kind" categorical { choice { name: "sgd" } choice { name: "adam" set: "optimizer.adam.beta1=0.9" } } }
    parameter { name: "momentum" path: "optimizer.sgd.momentum" float { min: 0 max: 0.9 }
                condition { parameter: "kind" is: "sgd" } }
  )" + more;
  proto::SweepSpec spec;
  Faults faults;
  parse_text_proto(text, spec, faults);
  complete_and_check(spec, {.cores = 4, .root = "/data"}, faults);
  EXPECT_TRUE(faults.empty()) << faults.status("spec");
  return spec;
}

proto::EvalMetric eval_metric(int epoch, double loss, double accuracy) {
  proto::EvalMetric it;
  it.set_epoch(epoch);
  it.set_step(std::int64_t{10} * epoch);
  it.set_loss(loss);
  it.set_accuracy(accuracy);
  return it;
}

proto::ReportRequest report_of(const Sweep& sweep, const Trial& trial) {
  proto::ReportRequest request;
  request.mutable_attempt()->set_sweep(sweep.id);
  request.mutable_attempt()->set_trial(trial.number);
  request.mutable_attempt()->set_attempt(trial.live_attempt()->number);
  request.mutable_attempt()->set_token(trial.live_attempt()->token);
  return request;
}

AttemptResult end_of(const Sweep& sweep, const Trial& trial, int exit_code, proto::AttemptEnd how) {
  return {.sweep = sweep.id,
          .trial = trial.number,
          .attempt = trial.live_attempt()->number,
          .end = how,
          .exit_code = exit_code,
          .message = "first line\nlast line",
          .evaluations = {},
          .checkpoints = {}};
}

double SweepWorld::accuracy(const Trial& trial, int epoch) {
  double sum = 0;
  for (const proto::Assignment& it : trial.assignments) sum += std::sin(37 * it.number() + double(it.choice().size()));
  return 0.5 + 0.1 * std::sin(sum + 0.3 * epoch) + 0.02 * epoch;
}

void SweepWorld::take(Events events) {
  for (proto::Event& event : events) {
    event.set_time_ms(now_ms_);
    apply(state_, event);
    log_.push_back(event);
  }
}

// Whether there is an answer at once.
bool SweepWorld::search(const std::vector<std::string>& sweeps) {
  for (const std::string& sweep : sweeps) {
    const bool is_asked =
        std::any_of(asked_.begin(), asked_.end(), [&](const Question& it) { return it.sweep == sweep; });
    if (!is_asked) asked_.push_back(question(*state_.find(sweep)));
  }
  if (late_ || asked_.empty()) return false;
  while (!asked_.empty()) take_answer(0);
  return true;
}

void SweepWorld::take_answer(std::size_t place) {
  const Question asked = asked_[place];
  asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(place));
  if (!counts(state_, asked.sweep, asked.trial)) return;
  answers_[asked.sweep] = {.trial = asked.trial, .suggestion = answer(asked)};
}

void SweepWorld::plan_all() {
  const Resources resources{
      .cores = cores_, .new_token = [this] { return fmt::format("token{}", tokens_++); }, .answers = answers_};
  for (int i = 0; i < 100'000; ++i) {
    Plan planned = plan(state_, resources, now_ms_);
    if (!planned.events.empty()) {
      take(std::move(planned.events));
    } else if (!search(planned.wanted)) {
      return;
    }
  }
  FAIL() << "the plan does not come to an end";
}

void SweepWorld::submit(const proto::SweepSpec& spec) {
  Events events;
  *add_event(events, fmt::format("s{}", state_.submitted + 1)).mutable_sweep_submitted()->mutable_spec() = spec;
  take(std::move(events));
  plan_all();
}

void SweepWorld::report(const proto::ReportRequest& request) {
  auto events = lockstep::report(state_, request);
  ASSERT_TRUE(events.ok()) << events.status();
  take(*std::move(events));
}

void SweepWorld::end(const AttemptResult& result) {
  take(attempt_ended(state_, result, now_ms_));
}

void SweepWorld::ask(const std::string& sweep, proto::Wish wish) {
  proto::ChangeRequest request;
  request.set_sweep(sweep);
  request.set_wish(wish);
  auto events = change(state_, request);
  ASSERT_TRUE(events.ok()) << events.status();
  take(*std::move(events));
  plan_all();
}

void SweepWorld::evaluate(const Sweep& sweep, const Trial& trial) {
  proto::ReportRequest request = report_of(sweep, trial);
  const auto epoch = static_cast<int>(trial.evaluations.size()) + 1;
  for (int it = std::max(1, epoch - 1); it <= epoch; ++it) {  // the last one comes again
    *request.add_eval() = eval_metric(it, 1, accuracy(trial, it));
    request.add_checkpoint()->set_step(10 * it);
  }
  report(request);
}

void SweepWorld::step(int failures) {
  now_ms_ += static_cast<std::int64_t>(chance_() % 5000);
  if (!asked_.empty() && chance_() % 2 == 0) take_answer(chance_() % asked_.size());
  std::vector<std::pair<const Sweep*, const Trial*>> live;
  for (const Sweep& sweep : state_.sweeps) {
    for (const Trial& trial : sweep.trials) {
      if (trial.live_attempt() != nullptr) live.emplace_back(&sweep, &trial);
    }
  }
  if (!live.empty()) {
    const auto [sweep, trial] = live[chance_() % live.size()];
    const auto epochs = static_cast<int>(trial->evaluations.size());
    const bool stops = trial->state != proto::TRIAL_RUNNING || (trial->until_epoch > 0 && epochs >= trial->until_epoch);
    if (static_cast<int>(chance_() % 100) < failures) {
      constexpr int kCodes[] = {1, 134, 86, 2};
      const bool lost = chance_() % 2 == 0;
      end(end_of(*sweep, *trial, lost ? 137 : kCodes[chance_() % 4], lost ? proto::LOST : proto::EXITED));
    } else if (epochs >= sweep->epochs()) {
      end(end_of(*sweep, *trial, 0));
    } else if (stops) {
      end(end_of(*sweep, *trial, 75));
    } else {
      evaluate(*sweep, *trial);
    }
  }
  plan_all();
}

void SweepWorld::finish(int failures) {
  for (int i = 0; i < 100'000; ++i) {
    bool over = true;
    for (const Sweep& sweep : state_.sweeps) over = over && (sweep.is_ended() || sweep.state == proto::SWEEP_PAUSED);
    if (over) return;
    step(failures);
  }
  FAIL() << "the sweep does not come to an end";
}

}  // namespace lockstep
