// How attempts end, and what becomes of their trials and of the sweep.
#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

constexpr const char* kSchedulers[] = {"run_to_end {}",
                                       "successive_halving { eta: 2 }",
                                       "asha { eta: 2 }",
                                       "asha { eta: 2 promote: true }",
                                       "median { min_trials: 2 }",
                                       "hyperband { eta: 3 }"};

// One sweep, s1, whose attempts end as the test says.
struct Scene {
  explicit Scene(const std::string& more, int cores = 4) : world(1, cores) { world.submit(sample_spec(more)); }

  const Sweep& sweep() const { return world.state().sweeps[0]; }
  const Trial& trial(int number) const { return sweep().trials[static_cast<std::size_t>(number)]; }
  int attempts() const {
    int count = 0;
    for (const Trial& it : sweep().trials) count += static_cast<int>(it.attempts.size());
    return count;
  }
  bool over() const { return sweep().is_ended() || sweep().state == proto::SWEEP_PAUSED; }
  // Ends the attempt that is under way, and all that follows.
  void end(int number, int code, std::vector<std::int64_t> steps = {}, proto::AttemptEnd how = proto::EXITED,
           const std::string& message = "first line\nlast line") {
    AttemptResult result = end_of(sweep(), trial(number), code, how);
    result.message = message;
    for (const std::int64_t step : steps) result.checkpoints.emplace_back().set_step(step);
    world.end(result);
    world.plan_all();
  }
  void report(int number, int epoch, double accuracy = 0.5) {
    proto::ReportRequest request = report_of(sweep(), trial(number));
    *request.add_eval() = eval_metric(epoch, 1, accuracy);
    world.report(request);
    world.plan_all();
  }
  void ask(proto::Wish wish) { world.ask("s1", wish); }
  // Waits, on the clock that is a number, until something is planned; false: never.
  bool wait() {
    const auto next = next_time(world.state(), world.now_ms());
    if (!next) return false;
    world.pass(*next - world.now_ms());
    world.plan_all();
    return true;
  }
  // Lets every attempt end as `how` says, again and again, until the sweep is over or 200 attempts were made.
  void play(const std::function<void(Scene&, int trial)>& how) {
    while (!over() && attempts() < 200) {
      std::vector<int> live;
      for (const Trial& it : sweep().trials) {
        if (it.live_attempt() != nullptr) live.push_back(it.number);
      }
      for (const int number : live) how(*this, number);
      if (live.empty() && !wait()) return;
    }
  }

  SweepWorld world;
};

// Data without a split that is evaluated: training goes on as ever, and no value comes.
TEST(Endings, ASweepWithoutEvaluationsEnds) {
  for (const char* scheduler : kSchedulers) {
    for (const int first_step : {0, 90}) {  // 90: a first attempt trains and writes a checkpoint
      SCOPED_TRACE(fmt::format("{} {}", scheduler, first_step));
      Scene scene(fmt::format("scheduler {{ {} }} limits {{ trials: 3 parallel: 2 }}", scheduler));
      scene.play([&](Scene& it, int number) {
        std::vector<std::int64_t> steps;
        if (first_step > 0) steps.push_back(first_step);
        it.end(number, it.trial(number).until_epoch > 0 ? 75 : 0, steps);
      });
      EXPECT_TRUE(scene.sweep().is_ended()) << scene.attempts() << " attempts";
      EXPECT_EQ(scene.sweep().trials.size(), 3U);
      for (const Trial& trial : scene.sweep().trials) {
        EXPECT_EQ(trial.state, proto::TRIAL_FAILED);
        EXPECT_NE(trial.reason.find("evaluation"), std::string::npos) << trial.reason;
        EXPECT_LE(trial.attempts.size(), 5U) << "retries are three";
      }
    }
  }
}

// The control: with evaluations the same sweeps are completed.
TEST(Endings, ASweepWithEvaluationsIsCompleted) {
  for (const char* scheduler : kSchedulers) {
    SCOPED_TRACE(scheduler);
    Scene scene(fmt::format("scheduler {{ {} }} limits {{ trials: 3 parallel: 2 }}", scheduler));
    scene.play([](Scene& it, int number) {
      const Trial& trial = it.trial(number);
      const auto epochs = static_cast<int>(trial.evaluations.size());
      const int until = trial.until_epoch > 0 ? trial.until_epoch : it.sweep().epochs();
      if (trial.is_asked()) return it.end(number, 75);
      if (epochs < until) return it.report(number, epochs + 1, 0.1 * number);
      it.end(number, until < it.sweep().epochs() ? 75 : 0);
    });
    EXPECT_EQ(scene.sweep().state, proto::SWEEP_COMPLETED);
    EXPECT_TRUE(std::any_of(scene.sweep().trials.begin(), scene.sweep().trials.end(),
                            [](const Trial& it) { return it.state == proto::TRIAL_COMPLETED; }));
    EXPECT_TRUE(std::none_of(scene.sweep().trials.begin(), scene.sweep().trials.end(),
                             [](const Trial& it) { return it.state == proto::TRIAL_FAILED; }));
  }
}

// A training that is stopped from outside goes on as long as it gets further.
TEST(Endings, StoppedFromOutsideIsAFailureOnlyWithoutANewStep) {
  Scene scene("limits { trials: 1 } retries { limit: 2 }");
  std::int64_t step = 0;
  for (int i = 0; i < 50; ++i) {
    scene.end(0, 75, {++step});
    ASSERT_EQ(scene.trial(0).state, proto::TRIAL_WAITING);
    EXPECT_EQ(scene.trial(0).failures, 0);
    scene.wait();
  }
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(scene.trial(0).state, proto::TRIAL_RUNNING);
    scene.end(0, 75, {step, 1});
    EXPECT_EQ(scene.trial(0).failures, i);
    if (i < 3) scene.wait();
  }
  EXPECT_EQ(scene.trial(0).state, proto::TRIAL_FAILED);
}

// An attempt that comes to a rung that it had reached before it was killed has done what it should.
TEST(Endings, ARungThatWasReachedBeforeIsNoFailure) {
  Scene scene("scheduler { successive_halving { eta: 2 } } limits { trials: 2 parallel: 2 }");
  scene.report(0, 1);
  scene.end(0, 137, {10}, proto::LOST);
  scene.wait();
  scene.end(0, 75, {10});
  EXPECT_EQ(scene.trial(0).state, proto::TRIAL_PAUSED);
}

TEST(Endings, BackOffGrowsToMinutesAndNoFurther) {
  Scene scene("limits { trials: 1 } retries { limit: 40 backoff_seconds: 1 }");
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 40; ++i) {
    scene.end(0, 1);
    waits.push_back(scene.trial(0).not_before_ms - scene.world.now_ms());
    scene.wait();
  }
  EXPECT_EQ(waits[0], 1000);
  EXPECT_EQ(waits[1], 2000);
  EXPECT_TRUE(std::is_sorted(waits.begin(), waits.end()));
  EXPECT_GE(waits.back(), 60'000);
  EXPECT_LE(waits.back(), 10 * 60'000);
}

// What depends on the machine is not blamed on parameters.
TEST(Endings, OnlyParametersMakeATrialInfeasible) {
  const auto state_after = [](int code, const std::string& more) {
    Scene scene("limits { trials: 1 } " + more);
    scene.end(0, code);
    return scene.trial(0).state;
  };
  const std::string sets_data =
      R"(parameter { name: "rows" categorical { choice { name: "few" set: "data.train='few'" } } })";
  const std::string almost = R"(parameter { name: "data" path: "optimizer.weight_decay" float { min: 0 max: 1 } })";
  for (const int code : {2, 4}) EXPECT_EQ(state_after(code, ""), proto::TRIAL_INFEASIBLE) << code;
  EXPECT_EQ(state_after(3, sets_data), proto::TRIAL_INFEASIBLE);
  for (const int code : {1, 3, 69, 74, 86, 127, 137}) EXPECT_EQ(state_after(code, ""), proto::TRIAL_WAITING) << code;
  EXPECT_EQ(state_after(3, almost), proto::TRIAL_WAITING) << "it is called data and sets none";
  EXPECT_EQ(state_after(74, sets_data), proto::TRIAL_WAITING);
}

// Nothing can be trained here: the sweep says so and keeps its trials, a thousand of them.
TEST(Endings, TrialsThatFailOneAfterAnotherPauseTheSweep) {
  for (const int code : {1, 3, 69, 74, 128 + SIGBUS, -1, -2}) {
    for (const int parallel : {1, 4}) {
      SCOPED_TRACE(fmt::format("{} {}", code, parallel));
      Scene scene(fmt::format("limits {{ trials: 1000 parallel: {} }} retries {{ limit: 1 }}", parallel));
      scene.play([&](Scene& it, int number) {
        const auto how = code == -1 ? proto::LOST : code == -2 ? proto::FENCED : proto::EXITED;
        it.end(number, code, {}, how, "a word\nrows.h5: Stale file handle");
      });
      ASSERT_EQ(scene.sweep().state, proto::SWEEP_PAUSED) << scene.attempts();
      EXPECT_NE(scene.sweep().reason.find("rows.h5: Stale file handle"), std::string::npos) << scene.sweep().reason;
      EXPECT_LT(scene.attempts(), 12);
      for (const Trial& trial : scene.sweep().trials) {
        EXPECT_EQ(trial.state, proto::TRIAL_WAITING);
        EXPECT_EQ(trial.failures, 0) << "it keeps its budget";
        EXPECT_LE(trial.not_before_ms, scene.world.now_ms());
      }
      // It is mended, and goes on as if nothing had been.
      scene.ask(proto::RESUME);
      EXPECT_EQ(scene.sweep().state, proto::SWEEP_RUNNING);
      EXPECT_EQ(scene.sweep().live_trials, parallel);
      for (int number = 0; number < parallel; ++number) scene.report(number, 1);
      scene.end(0, code == -1 || code == -2 ? 1 : code);
      EXPECT_EQ(scene.sweep().state, proto::SWEEP_RUNNING);
    }
  }
}

TEST(Endings, WhatDoesNotPauseASweep) {
  const auto plays = [](const std::function<void(Scene&, int)>& how) {
    Scene scene("limits { trials: 30 parallel: 2 } retries { limit: 1 }");
    scene.play(how);
    return scene.sweep().state;
  };
  for (const int code : {2, 4}) {
    EXPECT_EQ(plays([&](Scene& it, int number) { it.end(number, code); }), proto::SWEEP_COMPLETED) << code;
  }
  // An evaluation now and then: this machine can, some parameters cannot.
  const auto every_other = [](Scene& it, int number) {
    const auto epochs = static_cast<int>(it.trial(number).evaluations.size());
    if (number % 2 == 0 && epochs == 3) return it.end(number, 0);
    if (number % 2 == 0) it.report(number, epochs + 1);
    it.end(number, 137);
  };
  EXPECT_EQ(plays(every_other), proto::SWEEP_COMPLETED);
  // One trial alone uses up its own budget.
  Scene one("limits { trials: 1 } retries { limit: 5 }");
  one.play([](Scene& it, int number) { it.end(number, 1); });
  EXPECT_EQ(one.sweep().state, proto::SWEEP_COMPLETED);
  EXPECT_EQ(one.trial(0).attempts.size(), 6U);
}

// The checkpoint of the only trial is larger than the disk: it waits for room, with all its attempts.
TEST(Endings, ATrialThatTheMachineFailsPausesItsSweep) {
  for (const int code : {69, 74}) {
    Scene scene("limits { trials: 1 } retries { limit: 3 }");
    scene.report(0, 1);
    scene.play([&](Scene& it, int number) {
      it.end(number, code, {}, proto::EXITED, "step-000000020.h5.tmp: No space left on device");
    });
    EXPECT_EQ(scene.sweep().state, proto::SWEEP_PAUSED);
    EXPECT_NE(scene.sweep().reason.find("trial 0 failed"), std::string::npos) << scene.sweep().reason;
    EXPECT_NE(scene.sweep().reason.find("No space left on device"), std::string::npos) << scene.sweep().reason;
    EXPECT_EQ(scene.trial(0).state, proto::TRIAL_WAITING);
    EXPECT_EQ(scene.trial(0).failures, 0);
    EXPECT_LE(scene.attempts(), 5);
  }
}

TEST(Endings, RetryGivesANewBudget) {
  Scene scene("limits { trials: 1 } retries { limit: 2 }");
  const auto fail = [](Scene& it, int number) { it.end(number, 1); };
  scene.play(fail);
  ASSERT_EQ(scene.trial(0).attempts.size(), 3U);
  for (int round = 2; round < 4; ++round) {
    proto::RetryRequest request;
    request.set_sweep("s1");
    auto events = retry(scene.world.state(), request);
    ASSERT_TRUE(events.ok()) << events.status();
    scene.world.take(*std::move(events));
    scene.world.plan_all();
    scene.play(fail);
    EXPECT_EQ(scene.trial(0).state, proto::TRIAL_FAILED);
    EXPECT_EQ(scene.trial(0).attempts.size(), 3U * static_cast<std::size_t>(round));
  }
}

// An evaluation that comes while its trial pauses is judged as any other.
TEST(Endings, AnEvaluationThatComesWhilePausingIsJudged) {
  for (const bool late : {false, true}) {
    Scene scene("scheduler { asha { eta: 2 } } limits { trials: 3 parallel: 3 }");
    for (const int number : {0, 1}) scene.report(number, 1, 0.9);
    ASSERT_FALSE(scene.trial(0).is_asked());
    if (late) scene.ask(proto::PAUSE);
    scene.report(2, 1, 0.1);
    EXPECT_EQ(scene.trial(2).state, proto::TRIAL_STOPPING);
    scene.end(2, 75, {10});
    EXPECT_EQ(scene.trial(2).state, proto::TRIAL_STOPPED) << scene.trial(2).reason;
    for (const int number : {0, 1}) {
      if (late) scene.end(number, 75, {10});
    }
    EXPECT_EQ(scene.sweep().state, late ? proto::SWEEP_PAUSED : proto::SWEEP_RUNNING);
  }
}

TEST(Endings, DeletedSweepsLeaveNothingAndTheirNamesAreNotUsedAgain) {
  SweepWorld world(1, 4);
  for (int i = 1; i <= 3; ++i) {
    const std::string id = fmt::format("s{}", i);
    auto submitted = submit(world.state(), sample_spec("limits { trials: 1 }"));
    ASSERT_TRUE(submitted.ok());
    EXPECT_EQ(submitted->front().sweep(), id);
    world.take(*std::move(submitted));
    world.ask(id, proto::STOP);
    proto::DeleteRequest request;
    request.set_sweep(id);
    auto events = remove(world.state(), request);
    ASSERT_TRUE(events.ok()) << events.status();
    world.take(*std::move(events));
    EXPECT_TRUE(world.state().sweeps.empty());
    EXPECT_EQ(world.state().find(id), nullptr);
    world.plan_all();
  }
}

}  // namespace
}  // namespace lockstep
