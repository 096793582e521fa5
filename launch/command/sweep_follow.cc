#include "launch/command/sweep_follow.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "launch/command/sweep_print.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr auto kPause = std::chrono::milliseconds(500);
constexpr int kMostTries = 600;  // five minutes

// Whether somebody may still read what is printed.
Status output_status() {
  return std::ferror(stdout) == 0 ? OkStatus() : io_error("nobody reads the output: it ends here");
}

Status away() {
  return absl::UnavailableError("the coordinator has been away for five minutes");
}

bool is_ended(const proto::SweepView& sweep) {
  return sweep.state() == proto::SWEEP_STOPPED || sweep.state() == proto::SWEEP_COMPLETED;
}

// Text that is written over what was there before.
class LiveText {
 public:
  void draw(const std::string& text) {
    winsize screen{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &screen) != 0 || screen.ws_row == 0) screen = {24, 80, 0, 0};
    std::istringstream all(text);
    std::string fitting;
    int lines = 0;
    for (std::string line; std::getline(all, line); ++lines) {
      if (lines + 2 == screen.ws_row) {  // the last row stays free
        fitting += "...\n";
        ++lines;
        break;
      }
      fitting += first_columns(printable(line), screen.ws_col) + '\n';
    }
    if (lines_ > 0) fmt::print("\x1b[{}A\x1b[J", lines_);
    fmt::print("{}", fitting);
    std::fflush(stdout);
    lines_ = lines;
  }

 private:
  int lines_ = 0;
};

// Trials that run come first, for not all may fit.
Status watch_table(Client& client, const std::string& sweep) {
  LiveText live;
  std::string text;
  for (int tries = 0; tries < kMostTries; ++tries) {
    RETURN_IF_ERROR(output_status());
    const StatusOr<proto::SweepView> view = client.get(sweep);
    const StatusOr<proto::TrialsReply> open = client.trials(sweep, /*only_open=*/true);
    const Status status = view.ok() ? open.status() : view.status();
    if (status.ok()) {
      tries = 0;
      text = sweep_text(*view);
      std::vector<proto::TrialView> trials(open->trial().begin(), open->trial().end());
      std::stable_partition(trials.begin(), trials.end(), [](const auto& it) { return it.core_size() > 0; });
      if (!trials.empty()) text += trials_table(trials);
      live.draw(text);
      if (is_ended(*view)) return OkStatus();
    } else if (absl::IsUnavailable(status)) {
      live.draw(text + "the coordinator does not answer; trying again\n");
    } else {
      return status;
    }
    std::this_thread::sleep_for(kPause);
  }
  return away();
}

Status watch_lines(Client& client, const std::string& sweep, bool json) {
  proto::WatchRequest request;
  request.set_sweep(sweep);
  for (int tries = 0; tries < kMostTries; ++tries) {
    const Status status = client.watch(request, [&](const proto::Event& event) {
      request.set_after_revision(event.revision());
      tries = 0;
      const std::string line = json ? json_text(event) : event_line(event);
      if (!line.empty()) fmt::print("{}\n", printable_lines(line));
      std::fflush(stdout);
      return output_status().ok();
    });
    RETURN_IF_ERROR(output_status());
    if (status.ok()) {
      if (json) return OkStatus();
      ASSIGN_OR_RETURN(const proto::SweepView view, client.get(sweep));
      fmt::print("{}", printable_lines(sweep_text(view)));
      return OkStatus();
    }
    if (!absl::IsUnavailable(status)) return status;
    std::this_thread::sleep_for(kPause);
  }
  return away();
}

// What is in the file behind `offset`; nothing when there is no file. Whole lines at a time where there are ends of
// lines, so that no character is cut in two.
void print_from(const fs::path& file, long& offset) {
  std::FILE* const in = std::fopen(file.c_str(), "r");
  if (in == nullptr) return;
  std::array<char, 65536> piece{};
  for (;;) {
    std::fseek(in, offset, SEEK_SET);
    std::string_view text(piece.data(), std::fread(piece.data(), 1, piece.size(), in));
    if (text.empty()) break;
    if (const std::size_t end = text.rfind('\n'); end != std::string_view::npos) text = text.substr(0, end + 1);
    fmt::print("{}", printable_lines(text));
    offset += static_cast<long>(text.size());
  }
  std::fflush(stdout);
  std::fclose(in);
}

}  // namespace

Status watch_sweep(Client& client, const std::string& sweep, bool json) {
  if (!json && isatty(STDOUT_FILENO) != 0) return watch_table(client, sweep);
  return watch_lines(client, sweep, json);
}

Status print_logs(Client& client, const std::string& sweep, int number, bool follow) {
  int attempt = 0;
  long offset = 0;
  for (int tries = 0; tries < kMostTries; ++tries) {
    RETURN_IF_ERROR(output_status());
    const StatusOr<proto::TrialView> trial = client.trial(sweep, number);
    if (trial.ok()) {
      tries = 0;
      if (attempt == 0) attempt = std::max(1, trial->attempts());
      while (true) {
        const fs::path directory = fs::path(trial->directory()) / fmt::format("attempt-{:03}", attempt);
        print_from(directory / "output.txt", offset);
        if (attempt >= trial->attempts()) break;
        ++attempt;
        offset = 0;
      }
      if (!follow || trial->state() >= proto::TRIAL_COMPLETED) return OkStatus();
    } else if (!absl::IsUnavailable(trial.status()) || !follow) {
      return trial.status();
    }
    std::this_thread::sleep_for(kPause);
  }
  return away();
}

}  // namespace lockstep
