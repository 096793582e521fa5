// Searches beside the loop: each question is asked once while the answer is on its way, nothing waits for it, and it
// counts only for the trial that it was asked for.
#include "coordinator/loop/search_worker.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    Outside outside = time_.outside();
    outside.search = [this](Question question, SearchWorker::OnAnswer on_answer) {
      asked_.emplace_back(std::move(question), std::move(on_answer));
    };
    scene_ = open_coordinator(
        directory_.path(), make_memory_store(),
        [](OnEnded on_ended) {
          return std::make_unique<FakeExecutor>(std::vector<int>{0, 1, 2, 3}, std::move(on_ended));
        },
        outside);
  }
  void round(std::function<Status(Coordinator::Desk&)> decide = [](Coordinator::Desk&) { return OkStatus(); }) {
    EXPECT_TRUE(scene_.coordinator->post(std::move(decide), [](const Status& status) { EXPECT_TRUE(status.ok()); }));
    EXPECT_TRUE(scene_.coordinator->step().ok());
  }
  void submit(const std::string& more) {
    round([&](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events, lockstep::submit(desk.state, sample_spec(more)));
      return OkStatus();
    });
  }
  void wish(const std::string& sweep, proto::Wish wish) {
    round([&](Coordinator::Desk& desk) -> Status {
      proto::ChangeRequest request;
      request.set_sweep(sweep);
      request.set_wish(wish);
      ASSIGN_OR_RETURN(desk.commit.events, change(desk.state, request));
      return OkStatus();
    });
  }
  void answer_first() {
    const auto [question, on_answer] = asked_.front();
    asked_.erase(asked_.begin());
    on_answer(answer(question));
  }
  std::size_t trials(std::size_t sweep) {
    std::size_t count = 0;
    round([&](Coordinator::Desk& desk) {
      count = desk.state.sweeps[sweep].trials.size();
      return OkStatus();
    });
    return count;
  }

  const TemporaryDirectory directory_;
  VirtualTime time_;
  std::vector<std::pair<Question, SearchWorker::OnAnswer>> asked_;
  LoopScene scene_;
};

TEST_F(SearchTest, OneQuestionASweepIsOnItsWay) {
  submit("search { tpe {} } limits { trials: 2 parallel: 2 }");
  for (int i = 0; i < 10; ++i) round();
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].first.trial, 0);
  submit("search { tpe {} } limits { trials: 2 parallel: 2 }");
  ASSERT_EQ(asked_.size(), 2U) << "another sweep does not wait for it";
  answer_first();
  round();
  EXPECT_EQ(trials(0), 1U);
  ASSERT_EQ(asked_.size(), 2U);
  EXPECT_EQ(asked_[1].first.trial, 1);
  EXPECT_EQ(scene_.executor->started().size(), 1U);
}

// Four cores: while the four trials of the first sweep run, the second has no place, and its search is not asked.
TEST_F(SearchTest, WithoutAPlaceNothingIsAsked) {
  submit("search { tpe {} } limits { trials: 4 parallel: 4 }");
  for (int i = 0; i < 4; ++i) {
    answer_first();
    round();
  }
  ASSERT_EQ(scene_.executor->started().size(), 4U);
  submit("search { gp {} } limits { trials: 4 parallel: 4 }");
  for (int i = 0; i < 10; ++i) round();
  EXPECT_TRUE(asked_.empty());
  scene_.executor->end_with_code({"s1", 0, 1}, 2);
  scene_.executor->deliver();
  round();
  EXPECT_EQ(asked_.size(), 1U);
}

// The place of a trial that is thought about is kept for it.
TEST_F(SearchTest, AnotherSweepTakesOtherCores) {
  submit("search { tpe {} } limits { trials: 1 } ranks: 2");
  submit("search { tpe {} } limits { trials: 4 parallel: 4 }");
  ASSERT_EQ(asked_.size(), 2U);
  std::swap(asked_[0], asked_[1]);
  for (int i = 0; i < 4; ++i) {
    if (asked_.size() > (i == 0 ? 0U : 1U)) {
      if (asked_[0].first.sweep == "s1") std::swap(asked_[0], asked_[1]);
      answer_first();
    }
    round();
  }
  EXPECT_EQ(trials(1), 2U) << "the other two cores wait for s1";
  while (!asked_.empty()) {
    answer_first();
    round();
  }
  EXPECT_EQ(trials(0), 1U);
}

// One that does not learn answers in the round in which it is asked.
TEST_F(SearchTest, ASearchThatDoesNotLearnAnswersAtOnce) {
  submit("limits { trials: 4 parallel: 4 }");
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(scene_.executor->started().size(), 4U);
}

TEST_F(SearchTest, AnAnswerToASweepThatDoesNotRunIsDropped) {
  submit("search { tpe {} } limits { trials: 2 parallel: 2 }");
  wish("s1", proto::PAUSE);
  answer_first();
  round();
  EXPECT_EQ(trials(0), 0U);
  EXPECT_TRUE(asked_.empty());
  wish("s1", proto::RESUME);
  ASSERT_EQ(asked_.size(), 1U) << "it is asked again";
  answer_first();
  round();
  EXPECT_EQ(trials(0), 1U);
  wish("s1", proto::STOP);
  const std::size_t left = asked_.size();
  while (!asked_.empty()) answer_first();
  round();
  EXPECT_EQ(left, 1U);
  EXPECT_EQ(trials(0), 1U);
}

TEST(SearchWorkerTest, AnswersAllAndEndsWithQuestionsLeft) {
  Sweep sweep;
  sweep.id = "s1";
  sweep.spec = sample_spec("search { sobol {} }");
  const Question asked = question(sweep);
  std::mutex mutex;
  std::condition_variable changed;
  int answers = 0;
  SearchWorker worker;
  for (int i = 0; i < 10; ++i) {
    worker.ask(asked, [&](const Suggestion& suggestion) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(suggestion.assignments.size(), answer(asked).assignments.size());
      ++answers;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answers == 10; });
  lock.unlock();
  SearchWorker other;
  for (int i = 0; i < 1000; ++i) other.ask(asked, [](const Suggestion&) {});
}

}  // namespace
}  // namespace lockstep
