// Room on the disk of the state. A reserve lies beside the log. It is given back when the log could not be written, so
// that the next coordinator can write it, and can collect checkpoints: the cure.
// Threads: one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "storage/base/status.h"

namespace lockstep {

// Of the disk, when a trial is started: for its small files, and the checkpoints of a small network. A trial that finds
// no room fails and uses up its retries, so it is better not started.
inline constexpr std::uintmax_t kLeastFreeMebibytes = 16;
inline constexpr std::uintmax_t kReserveMebibytes = 8;

class Room {
 public:
  explicit Room(const std::filesystem::path& state_directory);

  // Whether there is room to start trials; makes the reserve when it is not there. Errors: kResourceExhausted, with
  // what is free, what is expected, and what to do.
  Status look();
  // Gives the reserve back.
  void release();

 private:
  Status make_reserve();

  const std::filesystem::path directory_;
  const std::filesystem::path reserve_;
  bool reserved_;
  std::chrono::steady_clock::time_point try_again_{};  // to make the reserve
};

}  // namespace lockstep
