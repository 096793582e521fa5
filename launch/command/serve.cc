// lockstep serve: the coordinator.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "coordinator/execute/command_output.h"
#include "coordinator/execute/local_executor.h"
#include "coordinator/loop/coordinator.h"
#include "coordinator/loop/room.h"
#include "coordinator/loop/secret.h"
#include "coordinator/service/endpoint.h"
#include "coordinator/service/metrics.h"
#include "coordinator/service/server.h"
#include "coordinator/service/token.h"
#include "launch/command/failure.h"
#include "launch/command/program.h"
#include "launch/command/usage.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLookAgain(2);
constexpr const char* kExamples = R"(
Examples:
  lockstep serve --state state
  lockstep serve --state /var/lib/lockstep --listen 127.0.0.1:7071 --cores 8 --root /data
  lockstep serve --state state --metrics 127.0.0.1:9464        # then: curl http://127.0.0.1:9464/metrics
  lockstep serve --state state --check

Your own `lockstep sweep` on this machine finds it by itself: it listens on a socket that is yours alone, in
XDG_RUNTIME_DIR or else in TMPDIR or /tmp (lockstep-UID); state/endpoint says where. With --listen it takes TCP
connections, on loopback, from all who have the token in state/token. Stop it with Ctrl-C or SIGTERM; a hangup, as at
logout, does not end it: trials that run go on, and the next `lockstep serve` on the same directory takes them up again,
wherever it listens. Its log, state/coordinator.log, has a JSON object a line: every event, and what went wrong.

When the disk has less than 16 MiB free it holds: it answers, takes reports and collects checkpoints (lockstep sweep gc),
and starts no trial until there is room. A full disk may still end it; the file state/reserve is then given up, so that the
next `lockstep serve` has room to collect.
Exit codes: 0 stopped, 2 bad usage or another coordinator has the directory, 3 its log is damaged, 74 could
not read or write there (a full disk; the directory was deleted or moved), 1 anything else.)";

struct Arguments {
  fs::path state;
  std::string listen;
  fs::path root;
  fs::path trainer;
  int cores = 0;
  std::string metrics;
  bool reflection = false;
  bool check = false;
};

std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app("Schedules the trials of sweeps on this machine; state and results live in one directory.",
               "lockstep serve");
  app.footer(kExamples);
  app.add_option("--state", arguments.state, "Directory of the state; made when it is not there")->required();
  app.add_option("--listen", arguments.listen,
                 "HOST:PORT, on loopback; port 0: any (default: a socket that only this user can reach)");
  app.add_option("--root", arguments.root, "Datasets of jobs lie in here (default: the current directory)");
  app.add_option("--cores", arguments.cores, "Cores that trials get (default: all this process may use)")
      ->check(CLI::PositiveNumber);
  app.add_option("--trainer", arguments.trainer, "Program of a trial's rank (default: lockstep-train beside this one)");
  app.add_option("--metrics", arguments.metrics,
                 "HOST:PORT, on loopback, where Prometheus reads figures (default: none)");
  app.add_flag("--reflection", arguments.reflection, "Tell gRPC tools what services there are; needs no token");
  app.add_flag("--check", arguments.check, "Only check the log and what is made from it");
  return lockstep::parse_arguments(app, argc, argv);
}

StatusOr<std::vector<int>> cores_of(const Arguments& arguments) {
  std::vector<int> cores = usable_cores();
  const auto wanted = static_cast<std::size_t>(arguments.cores);
  if (wanted > cores.size()) {
    return bad_configuration(fmt::format("--cores {}: this process may use {}", wanted, cores.size()));
  }
  if (wanted > 0) cores.resize(wanted);
  return cores;
}

StatusOr<CoordinatorOptions> options_of(const Arguments& arguments, const fs::path& state, const fs::path& programs) {
  CoordinatorOptions options;
  options.state_directory = state;
  ASSIGN_OR_RETURN(options.cores, cores_of(arguments));
  std::error_code error;
  options.machine.cores = static_cast<int>(options.cores.size());
  options.machine.root = fs::canonical(arguments.root.empty() ? fs::current_path() : arguments.root, error).string();
  if (error) return bad_configuration(fmt::format("--root {}: {}", arguments.root.string(), error.message()));
  options.runner.trainer =
      arguments.trainer.empty() ? (programs / "lockstep-train").string() : fs::absolute(arguments.trainer).string();
  ASSIGN_OR_RETURN(const std::string flags,
                   command_output({(programs / "lockstep-mpirun-flags").string(), "--unbound", "1"}));
  options.runner.mpirun = {"mpirun"};
  std::istringstream words(flags);
  for (std::string flag; words >> flag;) options.runner.mpirun.push_back(flag);
  return options;
}

// A hangup, as at logout, does not end it.
sigset_t block_signals() {
  std::signal(SIGHUP, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

bool comes_within(std::chrono::seconds time, const sigset_t& signals) {
  const timespec limit{.tv_sec = time.count(), .tv_nsec = 0};
  return sigtimedwait(&signals, nullptr, &limit) >= 0;
}

proto::EndpointFile endpoint_of(const Server& server, const ServerOptions& options) {
  proto::EndpointFile endpoint;
  endpoint.set_address(server.address());
  endpoint.set_instance(options.instance);
  return endpoint;
}

// On a full disk the endpoint takes the room of the reserve; else it waits until there is some.
Status publish(const fs::path& state, const ServerOptions& options, const Server& server, Room& room) {
  Status status = publish_endpoint(state, endpoint_of(server, options));
  if (absl::IsUnavailable(status)) {
    room.release();
    status = publish_endpoint(state, endpoint_of(server, options));
  }
  if (!status.ok()) log_warning("clients and trainers do not find it: {}", std::string(status.message()));
  return status;
}

// A runtime directory goes with the last session of its user, and /tmp is swept: nobody would be found there any more.
// `published`: how it went the last time.
void keep_reachable(const fs::path& state, const ServerOptions& options, Server& server, Status& published) {
  if (published.ok() && server.is_reachable() && is_published(state)) return;
  Status status;
  if (!server.is_reachable()) {
    const StatusOr<std::string> address = local_address(state);
    status = address.ok() ? server.move_to(*address) : address.status();
  }
  if (status.ok()) status = publish_endpoint(state, endpoint_of(server, options));
  const bool is_news = status.ok() || published.ok();
  published = status;
  if (status.ok()) {
    log_info("clients and trainers find it again: serving at {}", server.address());
  } else if (is_news) {
    log_warning("clients and trainers do not find it: {}", std::string(status.message()));
  }
}

// What is written to a file without a name is lost, and clients find another coordinator there or none.
Status check_log(const fs::path& file, const FileIdentity& opened_as) {
  const FileIdentity now(file);
  if (now == opened_as) return OkStatus();
  return io_error(
      fmt::format("{}: {} while this coordinator ran, so it ends; trials that run are not ended. Put the "
                  "directory back, or start another one",
                  file.string(), now == FileIdentity() ? "was deleted or moved" : "was replaced"));
}

// What the database cannot make sense of is damage of the log to whoever started this.
Status in_log(const Status& status, const fs::path& file) {
  if (!absl::IsInternal(status) && !absl::IsDataLoss(status)) return status;
  const std::string message(status.message());
  const bool has_path = message.find(file.native()) != std::string::npos;
  return bad_data(has_path ? message : fmt::format("\"{}\": {}", file.string(), message));
}

template <typename T>
StatusOr<T> in_log(StatusOr<T> result, const fs::path& file) {
  if (!result.ok()) return in_log(result.status(), file);
  return result;
}

Status serve(const Arguments& arguments) {
  if (!arguments.listen.empty()) RETURN_IF_ERROR(check_loopback("--listen", arguments.listen));
  std::error_code error;
  if (!fs::exists(arguments.state, error)) {  // its log holds the secrets of attempts
    RETURN_IF_ERROR(make_directories(arguments.state));
    fs::permissions(arguments.state, fs::perms::owner_all, error);
    if (error) return io_error(fmt::format("{}: {}", arguments.state.string(), error.message()));
  }
  const fs::path state = fs::absolute(arguments.state).lexically_normal();
  StatusOr<FileLock> lock = FileLock::acquire(state / "lock");
  if (absl::IsAlreadyExists(lock.status())) {
    return bad_configuration(fmt::format("{}: another coordinator has this directory", state.string()));
  }
  RETURN_IF_ERROR(lock.status());
  const fs::path log_file = state / "log.sqlite";
  Room room(state);
  StatusOr<std::unique_ptr<Store>> opened = open_sqlite_store(log_file);
  if (absl::IsUnavailable(opened.status())) room.release();
  ASSIGN_OR_RETURN(std::unique_ptr<Store> store, in_log(std::move(opened), log_file));
  if (arguments.check) {
    RETURN_IF_ERROR(in_log(store->verify(), log_file));
    fmt::print("{}: {} events; the log is whole, and all tables are what it gives\n", printable(state.string()),
               store->last_revision());
    return std::fflush(stdout) == 0 ? OkStatus() : io_error("cannot write to standard output");
  }
  RETURN_IF_ERROR(log_to_file(state / "coordinator.log", LogFormat::kJson));
  ASSIGN_OR_RETURN(const std::string token, make_token(state / "token"));
  const fs::path programs = fs::read_symlink("/proc/self/exe", error).parent_path();
  ASSIGN_OR_RETURN(CoordinatorOptions options, options_of(arguments, state, programs));
  options.outside.room = [&room] { return room.look(); };
  options.outside.log_there = [log_file, opened_as = FileIdentity(log_file)] { return check_log(log_file, opened_as); };

  const sigset_t signals = block_signals();
  const auto make_executor = [&](std::function<void(const Ended&)> on_ended) {
    return make_local_executor({.shim = programs / "lockstep-shim", .on_ended = std::move(on_ended), .cores = {}});
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<Coordinator> coordinator,
                   in_log(Coordinator::open(options, std::move(store), make_executor), log_file));
  std::unique_ptr<Metrics> metrics;
  ServerOptions server_options{
      .listen = arguments.listen, .token = token, .instance = new_secret(16), .reflection = arguments.reflection};
  if (arguments.listen.empty()) {
    ASSIGN_OR_RETURN(server_options.listen, local_address(state));
  }
  if (!arguments.metrics.empty()) {
    ASSIGN_OR_RETURN(metrics, Metrics::serve(arguments.metrics));
    coordinator->on_commit([it = metrics.get()](double seconds) { it->committed(seconds); });
    server_options.on_call = [it = metrics.get()](auto... call) { it->called(call...); };
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::start(*coordinator, server_options));
  if (metrics) metrics->tell_state(*coordinator, log_file);
  Status published = publish(state, server_options, *server, room);
  std::thread waiter([&] {
    while (!comes_within(kLookAgain, signals)) keep_reachable(state, server_options, *server, published);
    coordinator->stop();
  });
  fmt::print("lockstep serve: {} with {} cores, state in {}\n", server->address(), options.cores.size(),
             printable(state.string()));
  if (metrics) fmt::print("lockstep serve: metrics at http://{}/metrics\n", metrics->address());
  std::fflush(stdout);
  log_info("serving at {} with {} cores", server->address(), options.cores.size());
  const Status ended = coordinator->run();
  if (!ended.ok()) room.release();
  pthread_kill(waiter.native_handle(), SIGTERM);  // it may not have been a signal that ended the loop
  waiter.join();
  server->stop();
  withdraw_endpoint(state);
  log_info("ended: {}", ended.ok() ? "stopped" : std::string(ended.message()));
  return ended;
}

int run(int argc, char** argv) {
  Arguments arguments;
  if (const auto code = parse(argc, argv, arguments)) return end_program(Output::kResult, *code);
  configure_log(-1, false);
  return report_failure("lockstep serve", serve(arguments));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep serve", lockstep::Output::kByTheWay, argc, argv, lockstep::run);
}
