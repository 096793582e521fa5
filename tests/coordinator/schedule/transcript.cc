#include "tests/coordinator/schedule/transcript.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "tests/coordinator/schedule/sweep_model.h"

namespace lockstep {
namespace {

using State = TrialProgress::State;

std::string_view state_text(State state) {
  switch (state) {
    case State::kRunning:
      return "running";
    case State::kPaused:
      return "paused";
    case State::kCompleted:
      return "completed";
    case State::kStopped:
      return "stopped";
    case State::kFailed:
      return "failed";
  }
  return "?";
}

std::string until_text(int epoch) {
  return epoch == 0 ? "end" : fmt::format("{}", epoch);
}

// The words of a line: the verb, then key=value; what follows " with " is one argument.
struct Command {
  explicit Command(const std::string& line) {
    const std::size_t with = line.find(" with ");
    if (with != std::string::npos) arguments["with"] = line.substr(with + 6);
    std::istringstream words(line.substr(0, with));
    words >> verb;
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      if (equals != std::string::npos) arguments[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  std::optional<int> number(const std::string& key) const {
    const auto at = arguments.find(key);
    if (at == arguments.end()) return std::nullopt;
    return static_cast<int>(std::strtol(at->second.c_str(), nullptr, 10));
  }

  std::vector<double> numbers(const std::string& key) const {
    std::vector<double> values;
    const auto at = arguments.find(key);
    if (at == arguments.end()) return values;
    std::istringstream parts(at->second);
    for (std::string part; std::getline(parts, part, ',');) values.push_back(std::strtod(part.c_str(), nullptr));
    return values;
  }

  std::string verb;
  std::map<std::string, std::string> arguments;
};

class Player {
 public:
  std::string play(const std::string& line);

 private:
  std::string ask(int times);
  std::string of_sweep(const Command& command);
  std::string of_trial(const Command& command, int trial);
  std::string report(int trial, double value);
  std::string trials() const;

  std::unique_ptr<SweepModel> sweep_;
};

std::string Player::play(const std::string& line) {
  const Command command(line);
  if (command.verb == "sweep") {
    if (!command.number("trials") || !command.number("epochs")) return "error: sweep wants trials and epochs\n";
    const auto with = command.arguments.find("with");
    sweep_ =
        std::make_unique<SweepModel>(with == command.arguments.end() ? proto::Scheduler() : scheduler_of(with->second),
                                     *command.number("trials"), *command.number("epochs"));
    return "ok\n";
  }
  if (sweep_ == nullptr) return "error: no sweep\n";
  const std::optional<int> trial = command.number("trial");
  if (!trial) return of_sweep(command);
  if (*trial < 0 || static_cast<std::size_t>(*trial) >= sweep_->progress().size()) return "error: no such trial\n";
  return of_trial(command, *trial);
}

std::string Player::of_sweep(const Command& command) {
  if (command.verb == "next") return ask(command.number("times").value_or(1));
  if (command.verb == "trials") return trials();
  if (command.verb == "expected") {
    return fmt::format("{} epochs\n",
                       expected_epochs(sweep_->scheduler(), sweep_->most_trials(), sweep_->max_epochs()));
  }
  if (command.verb == "check") {
    Faults faults;
    check_scheduler(sweep_->scheduler(), sweep_->max_epochs(), "scheduler", faults);
    return faults.empty() ? "ok\n" : fmt::format("{}\n", std::string(faults.status("sweep").message()));
  }
  return "error: no such command\n";
}

std::string Player::ask(int times) {
  std::string text;
  for (int i = 0; i < times; ++i) {
    const Next it = sweep_->advance();
    switch (it.what) {
      case Next::What::kCreate:
        text += fmt::format("create trial={} until={}: {}\n", sweep_->progress().size() - 1, until_text(it.until_epoch),
                            it.reason);
        break;
      case Next::What::kResume:
        text += fmt::format("resume trial={} until={}: {}\n", it.trial, until_text(it.until_epoch), it.reason);
        break;
      case Next::What::kWait:
        return text + fmt::format("wait: {}\n", it.reason);
      case Next::What::kDone:
        return text + fmt::format("done: {}\n", it.reason);
    }
  }
  return text;
}

std::string Player::report(int trial, double value) {
  const Verdict verdict = sweep_->report(trial, value);
  if (verdict.reason.empty()) return "";
  return fmt::format("trial {} {}: {}\n", trial, verdict.stop ? "stops" : "goes on", verdict.reason);
}

std::string Player::of_trial(const Command& command, int trial) {
  std::string text;
  const bool runs = sweep_->trial(trial).state == State::kRunning;
  if (command.verb == "retry") {
    if (sweep_->trial(trial).state != State::kFailed) return "error: it has not failed\n";
    sweep_->set_state(trial, State::kRunning);
  } else if (command.verb == "stop") {
    sweep_->set_state(trial, State::kStopped);
  } else if (!runs) {
    return "error: it does not run\n";
  } else if (command.verb == "fail") {
    sweep_->set_state(trial, State::kFailed);
  } else if (command.verb == "pause" || command.verb == "complete") {
    if (!sweep_->has_arrived(trial)) return "error: it has not arrived\n";
    sweep_->arrive(trial);
  } else if (command.verb == "report") {
    const std::vector<double> values = command.numbers("value");
    const auto epoch = static_cast<int>(sweep_->trial(trial).values.size()) + 1;
    if (values.size() != 1 || command.number("epoch") != epoch) return "error: not its next epoch\n";
    text = report(trial, values[0]);
  } else if (command.verb == "train") {
    for (const double value : command.numbers("values")) {
      if (sweep_->trial(trial).state == State::kRunning) text += report(trial, value);
    }
    if (sweep_->trial(trial).state == State::kRunning && sweep_->has_arrived(trial)) sweep_->arrive(trial);
  } else {
    return "error: no such command\n";
  }
  return text + fmt::format("trial {} {} after {}\n", trial, state_text(sweep_->trial(trial).state),
                            sweep_->trial(trial).values.size());
}

std::string Player::trials() const {
  std::string text;
  for (const TrialProgress& it : sweep_->progress()) {
    text += fmt::format("trial {} {} after {}, until {}\n", it.trial, state_text(it.state), it.values.size(),
                        until_text(it.until_epoch));
  }
  return text;
}

}  // namespace

std::string replay(std::string_view transcript) {
  std::istringstream lines{std::string(transcript)};
  Player player;
  std::string text;
  std::string printed;
  bool skips = false;  // what was printed before
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) skips = false;
    if (skips) continue;
    text += line + '\n';
    if (line == "----") {
      text += printed;
      printed.clear();
      skips = true;
    } else if (!line.empty() && line[0] != '#') {
      printed += player.play(line);
    }
  }
  return text;
}

}  // namespace lockstep
