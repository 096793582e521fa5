// What the programs beside this one are asked.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "proto/job.pb.h"
#include "storage/base/descriptor.h"
#include "storage/base/status.h"

namespace lockstep {

// "lockstep-data", in the folder of this program.
std::filesystem::path program_beside(const char* name);

// The object that a program prints with --json; {"error": ...} when it fails. Errors: io_error when it prints none.
StatusOr<nlohmann::json> printed_by(std::vector<std::string> arguments);
// The same of one that does not fail. Errors: io_error, also with what it says is wrong.
StatusOr<nlohmann::json> answer_of(std::vector<std::string> arguments);

// A job for another program of this machine to read: a file in memory, which is gone with this process, however that
// ends. Threads: one thread per object.
class JobInMemory {
 public:
  // Errors: io_error.
  static StatusOr<JobInMemory> write(const proto::Job& job);
  std::filesystem::path path() const;

 private:
  explicit JobInMemory(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace lockstep
