// What the tests of execution share: a directory for an attempt with a job that leaves marks in it, the ends that an
// executor tells, and waiting with a limit. Whatever still runs is killed at the end of a scene.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "coordinator/execute/attempt_directory.h"
#include "coordinator/execute/executor.h"
#include "coordinator/execute/process_table.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {

// Looks every 2 ms, for at most 20 seconds; true as soon as the condition holds.
bool eventually(const std::function<bool()>& condition);

// The live processes of a session.
std::vector<ProcessIdentity> session_members(pid_t session);

// Whether a process of this number lives, as no zombie.
bool lives(pid_t pid);

// Ends told by an executor. Threads: any.
class EndLog {
 public:
  OnEnded listener();
  // Waits for at most 20 seconds until there are `count`; returns those that there are.
  std::vector<Ended> wait_for(std::size_t count);
  std::vector<Ended> ends();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Ended> ends_;
};

class AttemptScene {
 public:
  AttemptScene();
  AttemptScene(const AttemptScene&) = delete;
  AttemptScene& operator=(const AttemptScene&) = delete;
  ~AttemptScene();

  const std::filesystem::path& path() const { return directory_.path(); }
  const AttemptDirectory& directory() const { return directory_; }
  AttemptKey key() const { return {"sweep", 0, 1}; }

  // A job: /bin/sh with this script. Before it the directory gets one more line in `starts`, with the number of the
  // shell; in the script $D is the directory.
  proto::AttemptFile job(const std::string& script) const;
  // How often the job was started.
  int starts() const;
  // Of its last start; waits for it.
  pid_t job_pid() const;
  // Of the claim; waits for it.
  pid_t shim_pid() const;
  bool has(const std::string& file) const;
  std::string text_of(const std::string& file) const;

 private:
  TemporaryDirectory folder_;
  AttemptDirectory directory_;
};

// A local executor with the built shim.
std::unique_ptr<Executor> local_executor(EndLog& log);

// Variable LOCKSTEP_FAULT, for the shims started while it lives.
class ShimFault {
 public:
  explicit ShimFault(const std::string& fault);
  ShimFault(const ShimFault&) = delete;
  ShimFault& operator=(const ShimFault&) = delete;
  ~ShimFault();
};

}  // namespace lockstep
