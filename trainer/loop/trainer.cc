#include "trainer/loop/trainer.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "storage/base/fault.h"
#include "storage/base/log.h"
#include "storage/base/printable.h"
#include "trainer/comm/replica_check.h"
#include "trainer/loop/agreement.h"
#include "trainer/loop/core_binding.h"
#include "trainer/loop/divergence.h"
#include "trainer/loop/engine.h"
#include "trainer/loop/judge.h"
#include "trainer/loop/past_evaluations.h"
#include "trainer/loop/rank_probe.h"
#include "trainer/loop/resume.h"
#include "trainer/loop/run_facts.h"
#include "trainer/loop/run_output.h"
#include "trainer/loop/set_up_words.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/step_window.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/task.h"
#include "trainer/loop/train_step.h"
#include "trainer/loop/training_job.h"
#include "trainer/report/coordinator_client.h"
#include "trainer/tensor/finite.h"

namespace lockstep {
namespace {

constexpr std::string_view kStopped = "stopped as asked, with a checkpoint; the same command goes on from there";

class Trainer {
 public:
  Trainer(Communicator& communicator, const TrainOptions& options, Setup setup, std::unique_ptr<RunOutput> output)
      : communicator_(communicator),
        options_(options),
        setup_(std::move(setup)),
        output_(std::move(output)),
        facts_(run_facts(job(), learned(), communicator)),
        engine_(communicator, setup_),
        window_(job().batch(), engine_.order.steps_per_epoch()) {
    facts_.facts.insert(setup_.rows.facts.begin(), setup_.rows.facts.end());
    if (setup_.rows.chosen) judge_.emplace(communicator, setup_, engine_, *setup_.rows.chosen, chosen_split());
  }

  Status run() {
    ASSIGN_OR_RETURN(const auto built, probe_ranks(communicator_, network(), engine_.reducer));
    facts_.facts.insert(built.begin(), built.end());
    engine_.account.book(TimeShare::kOther);
    RETURN_IF_ERROR(restore_state());
    follow_evaluations();
    RETURN_IF_ERROR(agree(communicator_, output_ ? output_->catch_up(position_) : OkStatus()));
    const bool to_evaluate = evaluation_due() && !position_.evaluated();
    if (past_last_wanted_epoch() && !is_early_end() && !to_evaluate) {  // all files are left as they are
      RETURN_IF_ERROR(agree(communicator_, output_ ? output_->deliver() : OkStatus()));
      return stopped(kStopped);
    }
    RETURN_IF_ERROR(begin());
    Status ended = train_to_the_end();
    engine_.heartbeat.note(Phase::kEnd, position_.step);
    if (!ended.ok() && ended.code() != absl::StatusCode::kCancelled) return ended;
    RETURN_IF_ERROR(agree(communicator_, finish(ended)));
    return ended;
  }

 private:
  const proto::Job& job() const { return setup_.job; }
  Network& network() { return *setup_.network; }
  const DatasetInfo& learned() const { return setup_.rows.train->info(); }
  std::string chosen_split() const {
    return setup_.rows.chosen_by == ChosenBy::kTest ? job().data().test() : job().data().validation();
  }
  TrainingArrays arrays() { return {*setup_.network, setup_.optimizer.get(), setup_.average.get()}; }
  // Its name, or that of its file.
  std::string called() const {
    return printable(job().name().empty() ? options_.job.filename().string() : job().name());
  }

  Status restore_state() {
    const std::filesystem::path directory = output_ ? output_->checkpoint_directory() : std::filesystem::path();
    ASSIGN_OR_RETURN(std::optional<ResumePoint> point,
                     find_resume_point(communicator_, directory, job(), learned(), facts_.facts));
    Status status;
    ASSIGN_OR_RETURN(facts_.facts["initial_weights"],
                     initial_weights(communicator_, point ? &point->checkpoint : nullptr, options_.init_from));
    if (point) {
      position_ = {point->checkpoint.step, point->checkpoint.epoch, from_checkpoint(point->checkpoint),
                   final_test_of(point->checkpoint)};
      if (!point->checkpoint.evaluations) find_old_evaluations(point->checkpoint);
      if (output_) warn_of_other_facts(point->checkpoint, facts_);
      status = restore_everywhere(communicator_, std::move(point->checkpoint.tensors), arrays());
    } else if (!options_.init_from.empty()) {
      ASSIGN_OR_RETURN(ResumePoint initial, read_and_broadcast(communicator_, options_.init_from));
      take_average(initial.checkpoint.tensors);
      status =
          with_context(restore_everywhere(communicator_, std::move(initial.checkpoint.tensors), {.network = network()}),
                       options_.init_from.string());
      if (setup_.average) setup_.average->begin(network().parameter_values(), network().buffer_values());
    }
    saved_step_ = point ? position_.step : -1;
    return agree(communicator_, status);
  }

  // Of a checkpoint of before they were stored. The directory is seen by rank 0; all know whether it was evaluated
  // here.
  void find_old_evaluations(const Checkpoint& checkpoint) {
    if (output_) position_.evaluations = find_evaluations(checkpoint, setup_.out);
    std::byte here{position_.evaluated() ? std::uint8_t{1} : std::uint8_t{0}};
    communicator_.broadcast({&here, 1}, 0);
    if (here != std::byte{0} && !output_) {
      position_.evaluations = {
          {.step = checkpoint.step, .epoch = checkpoint.epoch, .metrics = {{"accuracy", *checkpoint.accuracy}}}};
    }
  }

  Shown shown() const { return {options_.progress, engine_.total_steps, chosen_by_name(setup_.rows.chosen_by)}; }

  Status begin() {
    Status status = fault_point("train.begin");
    if (output_ && status.ok()) status = check_checkpoint(facts_, arrays());
    if (output_ && status.ok()) status = output_->begin(job(), shown(), position_);
    RETURN_IF_ERROR(agree(communicator_, status));
    const CoreBinding binding = core_binding(communicator_, job().execution().threads_per_rank());
    first_step_ = position_.step;
    window_.restart(position_.step, 0);
    if (output_) {
      for (const std::string& line : set_up_words(setup_, called(), engine_.reducer.description(), binding)) {
        output_->say(line);
        log_info("{}", line);
      }
      if (position_.step > 0) {
        output_->say(
            fmt::format("resumed at step {} of {} (epoch {})", position_.step, engine_.total_steps, position_.epoch));
      }
      const bool at_random = position_.step == 0 && options_.init_from.empty();
      warn_about_set_up(setup_, communicator_.size(), binding, at_random);
    }
    engine_.start(position_.step);
    engine_.account.book(TimeShare::kOther);
    return OkStatus();
  }

  // Whether an evaluation belongs to this step: of some epochs, of some steps, of the last one.
  bool is_evaluated(std::int64_t step) const {
    const proto::Evaluate& policy = job().evaluate();
    const std::int64_t an_epoch = engine_.order.steps_per_epoch();
    const bool by_steps = policy.every_steps() > 0 && step % policy.every_steps() == 0;
    const bool by_epochs = policy.every_epochs() > 0 && step % (an_epoch * policy.every_epochs()) == 0;
    return by_steps || by_epochs || step == engine_.total_steps;
  }
  bool evaluation_due() const { return judge_ && position_.step > 0 && is_evaluated(position_.step); }

  bool at_epoch_end() const { return position_.step > 0 && position_.step % engine_.order.steps_per_epoch() == 0; }

  Status train_to_the_end() {
    if ((at_epoch_end() || evaluation_due()) && !position_.evaluated()) RETURN_IF_ERROR(evaluate_and_save());
    if (at_epoch_end() && stops_after_epoch()) return stopped(kStopped);
    while (position_.step < engine_.total_steps && !is_early_end()) {
      const StepOutcome outcome = engine_.step.run(position_.step, requests());
      if (!outcome.loaded) return agree(communicator_, engine_.step.load_status());
      if (!outcome.finite) {
        return explain_divergence(communicator_, job(), position_.step, position_.epoch, outcome,
                                  engine_.step.bad_rows(), engine_.loader);
      }
      ++position_.step;
      report_step(outcome);
      say_choice();
      if (at_epoch_end()) ++position_.epoch;
      if (at_epoch_end() || evaluation_due()) RETURN_IF_ERROR(evaluate_and_save());
      if (outcome.stop || outcome.checkpoint || due_by_steps()) RETURN_IF_ERROR(save());
      const int check_every = job().execution().replica_check_every_steps();
      if (check_every > 0 && position_.step % check_every == 0) RETURN_IF_ERROR(compare_replicas());
      if (outcome.stop && position_.step < engine_.total_steps && !is_early_end()) return stopped(kStopped);
    }
    RETURN_IF_ERROR(test_once());
    return save();
  }

  // At the end, of what training has made: nothing follows from it. A trial of a sweep is not tested, for trials are
  // chosen from; the best one is, by `lockstep sweep best`.
  Status test_once() {
    if (!setup_.rows.test || position_.tested() || !options_.attempt.empty()) return OkStatus();
    Judge judge(communicator_, setup_, engine_, *setup_.rows.test, job().data().test());
    const StatusOr<EvalPoint> point = judge.evaluate(position_, 0, [this] { return out_of_time(); });
    if (!point.ok()) RETURN_IF_ERROR(save());
    if (absl::IsCancelled(point.status())) return stopped(kStopped);
    RETURN_IF_ERROR(point.status());
    position_.final_test = *point;
    if (output_) output_->report_final_test(*point);
    saved_step_ = -1;
    return OkStatus();
  }

  // The same on all ranks. An evaluation that was made because training ended there, and now goes on, is not followed.
  void follow_evaluations() {
    std::vector<EvalPoint> evaluations = position_.evaluations;
    std::erase_if(evaluations, [&](const EvalPoint& it) { return !is_evaluated(it.step); });
    engine_.step.set_plateau_scale(plateau_scale(job(), evaluations));
    early_end_ = early_end(job(), evaluations);
  }
  bool is_early_end() const { return !early_end_.empty(); }

  // Which way of summing over hosts the first steps showed to be faster.
  void say_choice() {
    const OverlapChoice& choice = engine_.reducer.overlap_choice();
    const bool just_now = position_.step == first_step_ + OverlapChoice::kSteps;
    if (output_ && choice.decided() && just_now) output_->say(choice.text());
  }

  // All that was done before the first step counts too.
  bool out_of_time() const {
    const double limit = job().execution().time_limit_seconds();
    const std::chrono::duration<double> run = std::chrono::steady_clock::now() - options_.started;
    return limit > 0 && run.count() > limit;
  }

  StepRequests requests() {
    const double elapsed = engine_.account.elapsed_seconds();
    const double every = job().checkpoint().every_seconds();
    return {.stop = stop_requested() || out_of_time() || output_is_lost_,
            .checkpoint = every > 0 && output_ && elapsed - saved_seconds_ > every};
  }

  bool due_by_steps() const {
    const int every = job().checkpoint().every_steps();
    return every > 0 && position_.step % every == 0;
  }

  // An evaluation that is interrupted is made again on resume: its checkpoint does not hold it.
  Status evaluate_and_save() {
    bool interrupted = false;
    if (evaluation_due()) {
      const StatusOr<EvalPoint> point =
          judge_->evaluate(position_, job().evaluate().rows(), [this] { return out_of_time(); });
      interrupted = absl::IsCancelled(point.status());
      if (!interrupted) {
        // What the epoch has learned is kept: the same command evaluates it again.
        if (!point.ok()) RETURN_IF_ERROR(save());
        RETURN_IF_ERROR(point.status());
        position_.evaluations.push_back(*point);
        follow_evaluations();
        if (output_) output_->report(position_.evaluations.back());
        saved_step_ = -1;
      }
    }
    const int every = job().checkpoint().every_epochs();
    const bool ends_epoch = at_epoch_end();
    const bool stops = interrupted || (ends_epoch && stops_after_epoch());
    if (stops || (ends_epoch && every > 0 && position_.epoch % every == 0)) RETURN_IF_ERROR(save());
    return stops ? stopped(kStopped) : OkStatus();
  }

  // Whether the job asks for no more epochs, though it has more.
  bool past_last_wanted_epoch() const {
    const int stop_after = job().execution().stop_after_epochs();
    return stop_after > 0 && position_.epoch >= stop_after && position_.step < engine_.total_steps;
  }

  // Whether the run is to end here, before its last step: the job says so, or the coordinator has answered so to the
  // evaluation. The same on all ranks.
  bool stops_after_epoch() {
    if (position_.step == engine_.total_steps || is_early_end()) return false;
    if (past_last_wanted_epoch()) return true;
    if (options_.attempt.empty()) return false;
    std::byte asked{stop_requested() ? std::uint8_t{1} : std::uint8_t{0}};
    engine_.heartbeat.note(Phase::kAgreement, position_.step);
    communicator_.broadcast({&asked, 1}, 0);
    return asked != std::byte{0};
  }

  Status save() {
    RETURN_IF_ERROR(agree(communicator_, output_ ? output_->still_there() : OkStatus()));
    if (saved_step_ == position_.step) return OkStatus();
    RETURN_IF_ERROR(compare_replicas());
    engine_.heartbeat.note(Phase::kCheckpoint, position_.step);
    if (!all_finite(network().parameter_values()) || !all_finite(network().buffer_values())) {
      return diverged(
          fmt::format("step {}: parameters are not finite; nothing was written. Lower the learning rate; "
                      "the last checkpoint is whole; if the loss rose before it, begin from an older one.",
                      position_.step));
    }
    if (output_) output_->checkpoint(capture(facts_, position_, arrays()));
    saved_step_ = position_.step;
    saved_seconds_ = engine_.account.elapsed_seconds();
    engine_.account.book(TimeShare::kCheckpoint);
    return OkStatus();
  }

  Status compare_replicas() {
    engine_.heartbeat.note(Phase::kAgreement, position_.step);
    std::vector<NamedBytes> arrays = {{"parameters", std::as_bytes(network().parameter_values())},
                                      {"frozen parameters", std::as_bytes(network().frozen_values())},
                                      {"buffers", std::as_bytes(network().buffer_values())}};
    for (const OptimizerSlot& slot : setup_.optimizer->slots()) {
      RETURN_IF_ERROR(check_parts(communicator_, slot.name, slot.values, engine_.parted_update.part()));
      engine_.parted_update.complete(slot.values);
      arrays.push_back({slot.name, std::as_bytes(slot.values)});
    }
    if (setup_.average) {
      const std::span<float> average = setup_.average->values();
      RETURN_IF_ERROR(check_parts(communicator_, "average", average, engine_.parted_update.part()));
      engine_.parted_update.complete(average);
      arrays.push_back({"average", std::as_bytes(average)});
      arrays.push_back({"average of buffers", std::as_bytes(setup_.average->buffers())});
    }
    return check_replicas(communicator_, arrays);
  }

  double training_seconds() const {
    return engine_.account.seconds(TimeShare::kData) + engine_.account.seconds(TimeShare::kCompute) +
           engine_.account.seconds(TimeShare::kReduction) + engine_.account.seconds(TimeShare::kUpdate);
  }

  // The means since the last report, and the time left at the pace so far.
  void report_step(const StepOutcome& outcome) {
    window_.add(outcome);
    if (output_) {
      const TrainPoint point = window_.point(position_.step, training_seconds());
      const double pace = engine_.account.elapsed_seconds() / static_cast<double>(position_.step - first_step_);
      const double eta = pace * static_cast<double>(engine_.total_steps - position_.step);
      if (report_due()) {
        output_->report(point, eta);
        output_is_lost_ = !output_->still_there().ok();
      } else {
        output_->step(point, eta);
      }
    }
    if (report_due()) window_.restart(position_.step, training_seconds());
    engine_.account.book(TimeShare::kOther);
  }

  bool report_due() const {
    const int every = job().reporting().every_steps();
    return at_epoch_end() || (every > 0 && position_.step % every == 0);
  }

  Status finish(const Status& ended) {
    if (!output_) return OkStatus();
    const double rows = static_cast<double>(position_.step - first_step_) * job().batch();
    const double seconds = training_seconds();
    return output_->finish(
        {.step = position_.step,
         .outcome = ended.ok() ? "done" : "stopped",
         .seconds = engine_.account.elapsed_seconds(),
         .images_per_second = seconds > 0 ? rows / seconds : 0,
         .metrics = position_.metrics(),
         .final_metrics = position_.tested() ? position_.final_test->metrics : std::vector<MetricValue>(),
         .reason = early_end_},
        engine_.account);
  }

  Communicator& communicator_;
  const TrainOptions& options_;
  Setup setup_;
  std::unique_ptr<RunOutput> output_;  // rank 0
  RunFacts facts_;
  Engine engine_;
  std::optional<Judge> judge_;  // none: there is nothing to evaluate

  StepWindow window_;
  Position position_;
  std::string early_end_;         // why training ends before its last epoch; empty: it does not
  std::int64_t first_step_ = 0;   // where this run began
  std::int64_t saved_step_ = -1;  // of the newest checkpoint that says all there is to say
  double saved_seconds_ = 0;
  bool output_is_lost_ = false;  // the stop that this asks for ends in the words of save()
};

// Another attempt may be at work: nothing more is written.
void end_fenced(const std::string& why) {
  log_error("the coordinator refuses this attempt ({}): this process ends", why);
  std::_Exit(1);
}

}  // namespace

Status train(Communicator& communicator, const TrainOptions& options) {
  // First of all: signs of life count from the start of the process, and setting up may take longer than a lease.
  StatusOr<std::unique_ptr<CoordinatorClient>> client = std::unique_ptr<CoordinatorClient>();
  if (communicator.rank() == 0 && !options.attempt.empty()) {
    client = CoordinatorClient::start(options.attempt, {.on_stop = request_stop, .on_fenced = end_fenced});
  }
  RETURN_IF_ERROR(agree(communicator, client.status()));
  if (!options.attempt.empty()) RETURN_IF_ERROR(agree(communicator, written_job_is_there(options.job)));
  ASSIGN_OR_RETURN(Setup setup, set_up(communicator, options.job, options.overrides, options.out));
  StatusOr<std::unique_ptr<RunOutput>> output = std::unique_ptr<RunOutput>();
  if (communicator.rank() == 0) output = RunOutput::open(setup.out, *std::move(client));
  RETURN_IF_ERROR(agree(communicator, output.status()));
  return Trainer(communicator, options, std::move(setup), *std::move(output)).run();
}

}  // namespace lockstep
