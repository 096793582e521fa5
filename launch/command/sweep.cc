// lockstep sweep: a client of the coordinator.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "coordinator/loop/secret.h"
#include "coordinator/service/client.h"
#include "coordinator/service/endpoint.h"
#include "coordinator/service/token.h"
#include "launch/command/failure.h"
#include "launch/command/program.h"
#include "launch/command/sweep_cost.h"
#include "launch/command/sweep_data.h"
#include "launch/command/sweep_follow.h"
#include "launch/command/sweep_network.h"
#include "launch/command/sweep_print.h"
#include "launch/command/sweep_spec.h"
#include "launch/command/sweep_test_figure.h"
#include "launch/command/usage.h"
#include "storage/base/exit_code.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRequestIdBytes = 16;
constexpr std::chrono::milliseconds kFirstPause(100), kLongestPause(3200);
constexpr const char* kExamples = R"text(
Examples:
  lockstep sweep plan launch/sweeps/fashion_mnist.sweep.pbtxt
  lockstep sweep submit launch/sweeps/fashion_mnist.sweep.pbtxt
  lockstep sweep watch s1
  lockstep sweep best s1 --json
  lockstep eval --checkpoint "$(lockstep sweep best s1 --path)"
  lockstep sweep export s1 csv > trials.csv

The coordinator is `lockstep serve`; one of yours on this machine is found by itself. --state names its directory when
there are several; --server says where it listens, and --token-file (or LOCKSTEP_TOKEN_FILE) where its token is: by
default state/token.
Exit codes: 0 done, 2 bad usage, a bad sweep, or no sweep, trial or checkpoint of that name, 1 anything else (nobody
answers: try again; a sweep that is in no state for it).)text";

struct Arguments {
  std::string server;
  fs::path state;
  fs::path token_file;
  bool json = false;
  std::string sweep;
  fs::path file;
  std::string request_id;
  bool validate_only = false;
  bool watch = false;
  bool dry_run = false;
  bool path_only = false;
  bool follow = false;
  std::string format = "csv";
  int trial = 0;
  std::vector<int> trials;
  double epoch_seconds = 0;
  int suggestions = 5;
  std::int64_t step = 0;
  bool unpin = false;
};

template <typename Reply>
Status show(const StatusOr<Reply>& reply, bool json, const std::function<std::string(const Reply&)>& text) {
  if (!reply.ok()) return reply.status();
  fmt::print("{}", json ? json_text(*reply) + '\n' : printable_lines(text(*reply)));
  std::fflush(stdout);
  return OkStatus();
}

// Of a call that has nothing to tell.
Status done(const Status& status, const Arguments& arguments) {
  if (status.ok() && arguments.json) fmt::print("{{}}\n");
  return status;
}

std::vector<proto::TrialView> trials_of(const proto::TrialsReply& reply) {
  return {reply.trial().begin(), reply.trial().end()};
}

// Whether the request may have been carried out all the same.
bool is_unknown(const Status& status) {
  return absl::IsUnavailable(status) || absl::IsInternal(status) || absl::IsUnknown(status);
}

// Asked again with the same id the coordinator gives the answer of the first time.
StatusOr<proto::SubmitReply> submit_once(Client& client, const proto::SubmitRequest& request) {
  StatusOr<proto::SubmitReply> reply = client.submit(request);
  for (auto pause = kFirstPause; is_unknown(reply.status()) && pause <= kLongestPause; pause *= 2) {
    std::this_thread::sleep_for(pause);
    reply = client.submit(request);
  }
  if (!is_unknown(reply.status()) || request.validate_only()) return reply;
  return Status(
      reply.status().code(),
      fmt::format("{}\nWhether the sweep was accepted is not known. Ask again with --request-id {}: it is not "
                  "accepted twice",
                  std::string(reply.status().message()), request.request_id()));
}

// The faults that only this side can see, with those that only the coordinator can.
Status with_faults_of_coordinator(Client& client, const SweepFile& file, proto::SubmitRequest request,
                                  const Status& own) {
  request.set_validate_only(true);
  const Status theirs = locate_faults(file, client.submit(request).status());
  if (theirs.ok() || !absl::IsInvalidArgument(theirs)) return own;
  return bad_configuration(fmt::format("{}\n{}", std::string(theirs.message()), std::string(own.message())));
}

// What the coordinator does not look at: the data and the networks.
Status check_trials(const SweepFile& file) {
  const Status data = locate_faults(file, check_evaluated_split(file.spec));
  const Status networks = check_networks(file);
  if (data.ok() || networks.ok()) return data.ok() ? networks : data;
  return bad_configuration(fmt::format("{}\n{}", std::string(data.message()), std::string(networks.message())));
}

Status submit(Client& client, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const SweepFile file, read_sweep_file(arguments.file));
  proto::SubmitRequest request;
  *request.mutable_spec() = file.spec;
  request.set_request_id(arguments.request_id.empty() ? new_secret(kRequestIdBytes) : arguments.request_id);
  request.set_validate_only(arguments.validate_only);
  if (const Status own = check_trials(file); !own.ok()) return with_faults_of_coordinator(client, file, request, own);
  const auto reply = submit_once(client, request);
  RETURN_IF_ERROR(locate_faults(file, reply.status()));
  RETURN_IF_ERROR(show<proto::SubmitReply>(reply, arguments.json, [&](const proto::SubmitReply& it) {
    if (arguments.validate_only) return std::string("the sweep is good\n");
    return fmt::format("{}\n", it.sweep());
  }));
  if (!arguments.watch || arguments.validate_only) return OkStatus();
  return watch_sweep(client, reply->sweep(), arguments.json);
}

Status best(Client& client, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const proto::SweepView view, client.get(arguments.sweep));
  if (!view.has_best())
    return absl::FailedPreconditionError("no trial has been evaluated yet with a value of the objective");
  if (arguments.path_only) {
    if (!view.best().has_checkpoint()) return absl::FailedPreconditionError("its checkpoint is not written yet");
    fmt::print("{}\n", printable(view.best().checkpoint()));
    return OkStatus();
  }
  proto::TrialView trial = view.best();
  if (const Status tested = add_final_test(view, trial); !tested.ok()) {
    print_error(fmt::format("lockstep sweep: no figure of the test split: {}", std::string(tested.message())));
  }
  return show<proto::TrialView>(trial, arguments.json, best_text);
}

Status change(Client& client, const Arguments& arguments, proto::Wish wish) {
  proto::ChangeRequest request;
  request.set_sweep(arguments.sweep);
  request.set_wish(wish);
  return show<proto::SweepView>(client.change(request), arguments.json, sweep_text);
}

Status export_trials(Client& client, const Arguments& arguments) {
  return show<proto::TrialsReply>(client.trials(arguments.sweep, /*only_open=*/false), arguments.format == "json",
                                  [](const proto::TrialsReply& reply) { return trials_csv(trials_of(reply)); });
}

Status plan(Client& client, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const SweepFile file, read_sweep_file(arguments.file));
  proto::PlanRequest request;
  *request.mutable_spec() = file.spec;
  request.set_suggestions(arguments.suggestions);
  request.set_epoch_seconds(arguments.epoch_seconds);
  if (const Status own = check_trials(file); !own.ok()) return own;
  StatusOr<proto::PlanReply> reply = client.plan(request);
  if (reply.ok() && arguments.epoch_seconds == 0) {
    const StatusOr<double> measured = measure_epoch_seconds(file.spec);
    if (measured.ok()) {
      request.set_epoch_seconds(*measured);
      reply = client.plan(request);
    } else {
      fmt::print(stderr, "lockstep sweep: no estimate of time and cost: {}\n",
                 std::string(measured.status().message()));
    }
  }
  RETURN_IF_ERROR(locate_faults(file, reply.status()));
  return show<proto::PlanReply>(reply, arguments.json, plan_text);
}

Status retry(Client& client, const Arguments& arguments) {
  proto::RetryRequest request;
  request.set_sweep(arguments.sweep);
  request.mutable_trial()->Add(arguments.trials.begin(), arguments.trials.end());
  return show<proto::SweepView>(client.retry(request), arguments.json, sweep_text);
}

Status collect(Client& client, const Arguments& arguments) {
  proto::CollectRequest request;
  request.set_sweep(arguments.sweep);
  request.set_dry_run(arguments.dry_run);
  return show<proto::CheckpointsReply>(client.collect(request), arguments.json, checkpoints_table);
}

Status pin(Client& client, const Arguments& arguments) {
  proto::PinRequest request;
  request.set_sweep(arguments.sweep);
  request.set_trial(arguments.trial);
  request.set_step(arguments.step);
  request.set_pinned(!arguments.unpin);
  return done(client.pin(request), arguments);
}

using Action = std::function<Status(Client&)>;

// The verbs that take a file, or nothing.
void add_file_verbs(CLI::App& app, Arguments& it, Action& action) {
  CLI::App* const submit_verb = app.add_subcommand("submit", "Accept a sweep; prints its name");
  submit_verb->add_option("file", it.file, "Sweep (text proto; proto/sweep.proto has every field)")->required();
  submit_verb->add_option("--request-id", it.request_id,
                          "The same again is the same sweep, not another one (default: a new one)");
  submit_verb->add_flag("--validate-only", it.validate_only, "Only say what is wrong with it");
  submit_verb->add_flag("--watch", it.watch, "Then watch it to its end");
  submit_verb->callback([&] { action = [&](Client& client) { return submit(client, it); }; });
  CLI::App* const plan_verb = app.add_subcommand("plan", "What a sweep would do and take: first trials, time, cost");
  plan_verb->add_option("file", it.file, "Sweep")->required();
  plan_verb->add_option("--suggestions", it.suggestions, "Trials to show")->capture_default_str();
  plan_verb
      ->add_option("--epoch-seconds", it.epoch_seconds,
                   "What an epoch takes (default: measured by lockstep bench on the base job, alone on the machine)")
      ->check(CLI::PositiveNumber);
  plan_verb->callback([&] { action = [&](Client& client) { return plan(client, it); }; });
  app.add_subcommand("ls", "List the sweeps")->callback([&] {
    action = [&](Client& client) { return show<proto::ListReply>(client.list(), it.json, sweeps_table); };
  });
}

CLI::App* add_verb(CLI::App& app, Arguments& it, Action& action, const char* name, const char* what,
                   std::function<Status(Client&, const Arguments&)> run) {
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->add_option("sweep", it.sweep, "Its name, as `ls` shows it")->required();
  verb->callback(
      [&it, &action, run = std::move(run)] { action = [&it, run](Client& client) { return run(client, it); }; });
  return verb;
}

void add_sweep_verbs(CLI::App& app, Arguments& it, Action& action) {
  const auto add = [&](const char* name, const char* what, std::function<Status(Client&, const Arguments&)> run) {
    return add_verb(app, it, action, name, what, std::move(run));
  };
  add("show", "Its state, and the best so far", [](Client& client, const Arguments& at) {
    return show<proto::SweepView>(client.get(at.sweep), at.json, sweep_text);
  });
  add("trials", "A line a trial", [](Client& client, const Arguments& at) {
    return show<proto::TrialsReply>(client.trials(at.sweep, /*only_open=*/false), at.json,
                                    [](const proto::TrialsReply& reply) { return trials_table(trials_of(reply)); });
  });
  add("watch", "What happens, until it ends",
      [](Client& client, const Arguments& at) { return watch_sweep(client, at.sweep, at.json); });
  add("best", "The best parameters, their checkpoint and, at the end, their figure on the test split", best)
      ->add_flag("--path", it.path_only, "Only the path of the checkpoint");
  add("pause", "Stop at checkpoints, to go on later",
      [](Client& client, const Arguments& at) { return change(client, at, proto::PAUSE); });
  add("resume", "Go on", [](Client& client, const Arguments& at) { return change(client, at, proto::RESUME); });
  add("stop", "Stop for good", [](Client& client, const Arguments& at) { return change(client, at, proto::STOP); });
  add("retry", "Try failed trials again", retry)
      ->add_option("trials", it.trials, "Their numbers; none: all that failed");
  add("delete", "Take an ended sweep out of all lists; its files stay",
      [](Client& client, const Arguments& at) { return done(client.remove(at.sweep), at); });
  add("gc", "Delete checkpoints that nothing needs; say why each other stays", collect)
      ->add_flag("--dry-run", it.dry_run, "Delete nothing");
  add("export", "All trials, for other programs", export_trials)
      ->add_option("format", it.format, "csv or json")
      ->check(CLI::IsMember({"csv", "json"}));
  CLI::App* const logs_verb =
      add("logs", "Output of a trial's newest attempt",
          [](Client& client, const Arguments& at) { return print_logs(client, at.sweep, at.trial, at.follow); });
  logs_verb->add_option("trial", it.trial, "Its number")->required();
  logs_verb->add_flag("-f,--follow", it.follow, "Go on until the trial ends");
  CLI::App* const pin_verb = add("pin", "Keep a checkpoint whatever retention says", pin);
  pin_verb->add_option("trial", it.trial, "Number of the trial")->required();
  pin_verb->add_option("step", it.step, "Step of the checkpoint")->required();
  pin_verb->add_flag("--unpin", it.unpin, "No longer");
}

// The one that the arguments name, or the one that there is.
StatusOr<std::unique_ptr<Client>> find_coordinator(Arguments arguments) {
  if (arguments.server.empty() && arguments.state.empty()) {
    ASSIGN_OR_RETURN(arguments.state, find_state());
  }
  if (arguments.token_file.empty()) {
    const char* const variable = std::getenv("LOCKSTEP_TOKEN_FILE");
    const fs::path state = arguments.state.empty() ? "state" : arguments.state;
    arguments.token_file = variable != nullptr ? variable : state / "token";
  }
  ASSIGN_OR_RETURN(const std::string token, read_token(arguments.token_file));
  if (arguments.server.empty()) return Client::follow(arguments.state, token);
  return Client::connect(arguments.server, token);
}

int run(int argc, char** argv) {
  Arguments arguments;
  Action action;
  CLI::App app("Hyperparameter sweeps on a coordinator.", "lockstep sweep");
  app.footer(kExamples);
  app.fallthrough();
  app.require_subcommand(1);
  CLI::Option* const server = app.add_option("--server", arguments.server, "HOST:PORT of the coordinator");
  app.add_option("--state", arguments.state, "Its state directory (default: that of your coordinator here)")
      ->excludes(server);
  app.add_option("--token-file", arguments.token_file, "File with its token");
  app.add_flag("--json", arguments.json, "JSON in place of text");
  add_file_verbs(app, arguments, action);
  add_sweep_verbs(app, arguments, action);
  if (const auto code = lockstep::parse_arguments(app, argc, argv)) return *code;
  const StatusOr<std::unique_ptr<Client>> client = find_coordinator(arguments);
  const Status status = client.ok() ? action(**client) : client.status();
  // Of a coordinator that is not found nothing is known to be wrong: it may not have begun.
  const bool named_wrongly = absl::IsInvalidArgument(status) || (client.ok() && absl::IsNotFound(status));
  return report_failure("lockstep sweep", status,
                        status.ok()     ? kExitDone
                        : named_wrongly ? kExitBadConfiguration
                                        : kExitFailed);
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep sweep", lockstep::Output::kResult, argc, argv, lockstep::run);
}
