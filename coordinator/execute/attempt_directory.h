// The files of an attempt, by which the coordinator, the shim and the trainer know of each other across crashes:
//   attempt.pbtxt  proto AttemptFile   what to start; of the executor, before it starts the shim; mode 0600: a token
//   claim.pbtxt    proto ClaimFile     who started it; made once, by whoever comes first
//   output.txt                         both streams of the shim and of what it started, appended
//   exit.pbtxt     proto ExitFile      how it ended; of the shim
// Each .pbtxt is whole or not there for whoever reads it while the machine is up; claim and exit file are durable when
// the function returns OK. attempt.pbtxt is not: whoever starts an attempt writes it anew.
// Errors: io_error; for reading also kNotFound, and bad_configuration for a file that is not such a message.
// Threads: any, one writer of a file at a time (except of the claim).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "proto/attempt.pb.h"
#include "storage/base/status.h"

namespace lockstep {

class AttemptDirectory {
 public:
  explicit AttemptDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path output_path() const { return path_ / "output.txt"; }

  StatusOr<proto::AttemptFile> attempt() const;
  StatusOr<proto::ClaimFile> claim() const;
  StatusOr<proto::ExitFile> exit() const;

  // Makes the directory too.
  Status write_attempt(const proto::AttemptFile& attempt) const;
  Status write_exit(const proto::ExitFile& exit) const;
  // Errors: kAlreadyExists when there is a claim, which stays.
  Status make_claim(const proto::ClaimFile& claim) const;

  // From the claim until now, or until the last output, by the times of the files; none: it was not claimed.
  std::optional<double> seconds_since_claim(bool until_last_output) const;

  // Of the output: its last ten lines, at most 2 KiB of them. What is not ASCII text is shown as '?'.
  std::string last_words() const;

 private:
  std::filesystem::path path_;
};

}  // namespace lockstep
