// What the programs beside this one are asked.
#pragma once

#include <filesystem>

#include "proto/job.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// "lockstep-data", in the folder of this program.
std::filesystem::path program_beside(const char* name);

// A job for another program to read: a file in a temporary folder of its own, which goes with the object. Threads: one
// thread per object.
class TemporaryJob {
 public:
  // Errors: io_error.
  static StatusOr<TemporaryJob> write(const proto::Job& job);
  TemporaryJob(TemporaryJob&& other) noexcept;
  TemporaryJob& operator=(TemporaryJob&&) = delete;
  TemporaryJob(const TemporaryJob&) = delete;
  TemporaryJob& operator=(const TemporaryJob&) = delete;
  ~TemporaryJob();

  std::filesystem::path path() const { return folder_ / "job.pbtxt"; }

 private:
  explicit TemporaryJob(std::filesystem::path folder);
  std::filesystem::path folder_;
};

}  // namespace lockstep
