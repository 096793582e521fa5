// Where the time of a run went. Threads: one thread per object.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace lockstep {

enum class TimeShare : std::size_t { kData, kCompute, kReduction, kUpdate, kEvaluation, kCheckpoint, kOther };
inline constexpr std::array<std::string_view, 7> kTimeShareNames = {"data",       "compute",    "reduction", "update",
                                                                    "evaluation", "checkpoint", "other"};

class TimeAccount {
 public:
  TimeAccount() : start_(Clock::now()), last_(start_) {}

  // Books the time since the last call, or since construction, to `share`.
  void book(TimeShare share) {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<std::size_t>(share)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  double seconds(TimeShare share) const { return seconds_[static_cast<std::size_t>(share)]; }
  double elapsed_seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  Clock::time_point last_;
  std::array<double, 7> seconds_{};
};

}  // namespace lockstep
