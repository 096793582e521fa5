// Whether sums begin while backward still runs, or after it: both are tried in turn in the first steps, and the way
// whose median is shorter is kept. Overlap costs where computing needs what carries the messages: the memory, the
// processor. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace lockstep {

class OverlapChoice {
 public:
  static constexpr int kTries = 4;               // of each way, after one step that warms up
  static constexpr int kSteps = 1 + 2 * kTries;  // until all have been tried

  bool on() const { return decided_ ? on_ : !(steps_ % 2 == 0); }
  bool decided() const { return decided_; }
  // The time of a step, from the last slice to the sum. Whether all have been tried: decide() is due.
  bool note(double seconds);
  // Median seconds without and with overlap, as this rank saw them.
  std::array<double, 2> medians() const;
  // With the medians of one rank, the same on every rank.
  void decide(std::array<double, 2> medians);

  // What was decided and why, for the log. Empty before decide().
  const std::string& text() const { return text_; }

 private:
  std::array<std::vector<double>, 2> seconds_;  // without, with
  int steps_ = 0;
  bool decided_ = false;
  bool on_ = false;
  std::string text_;
};

}  // namespace lockstep
