#include "tests/coordinator/execute/attempt_scene.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "coordinator/execute/local_executor.h"
#include "storage/base/file.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLimit(20);

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::vector<ProcessIdentity> session_members(pid_t session) {
  std::vector<ProcessIdentity> members;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    const auto facts = pid > 0 ? process_facts(pid) : std::nullopt;
    if (facts && facts->alive && facts->session == session) members.push_back(facts->identity);
  }
  return members;
}

bool lives(pid_t pid) {
  const auto facts = process_facts(pid);
  return facts && facts->alive;
}

OnEnded EndLog::listener() {
  return [this](const Ended& ended) {
    const std::lock_guard lock(mutex_);
    ends_.push_back(ended);
    changed_.notify_all();
  };
}

std::vector<Ended> EndLog::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLimit, [&] { return ends_.size() >= count; });
  return ends_;
}

std::vector<Ended> EndLog::ends() {
  const std::lock_guard lock(mutex_);
  return ends_;
}

AttemptScene::AttemptScene() : directory_(fs::weakly_canonical(folder_.path())) {}

AttemptScene::~AttemptScene() {
  const auto claim = directory_.claim();
  if (claim.ok() && claim->boot() == boot_id() && claim->pid() > 1) {
    const auto pid = static_cast<pid_t>(claim->pid());
    const auto facts = process_facts(pid);
    const bool used_again = facts && facts->identity.start_ticks != claim->start_ticks();
    if (!used_again) eventually([&] { return kill_session(pid, 0) == 0; });
  }
  for (const ProcessIdentity& shim : processes_running("lockstep-shim", path().native())) {
    if (const auto process = open_process(shim); process.ok()) send_signal(*process, SIGKILL).IgnoreError();
  }
}

proto::AttemptFile AttemptScene::job(const std::string& script) const {
  proto::AttemptFile attempt;
  attempt.set_token("secret");
  for (const std::string& argument : {std::string("/bin/sh"), std::string("-c"),
                                      fmt::format("D='{}'\necho $$ >> $D/starts\n{}", path().native(), script)}) {
    attempt.add_argv(argument);
  }
  return attempt;
}

int AttemptScene::starts() const {
  const std::string text = text_of("starts");
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

pid_t AttemptScene::job_pid() const {
  EXPECT_TRUE(eventually([&] { return text_of("starts").ends_with('\n'); })) << "the job was not started";
  const std::string text = text_of("starts");
  const std::size_t begin = text.size() < 2 ? text.npos : text.rfind('\n', text.size() - 2);
  return static_cast<pid_t>(std::strtol(text.c_str() + (begin == text.npos ? 0 : begin + 1), nullptr, 10));
}

pid_t AttemptScene::shim_pid() const {
  EXPECT_TRUE(eventually([&] { return directory_.claim().ok(); })) << "there is no claim";
  const auto claim = directory_.claim();
  return claim.ok() ? static_cast<pid_t>(claim->pid()) : 0;
}

bool AttemptScene::has(const std::string& file) const {
  return fs::exists(path() / file);
}

std::string AttemptScene::text_of(const std::string& file) const {
  const auto text = read_file(path() / file, std::size_t(1) << 20);
  return text.ok() ? *text : "";
}

std::unique_ptr<Executor> local_executor(EndLog& log) {
  return make_local_executor({.shim = LOCKSTEP_SHIM, .on_ended = log.listener(), .cores = {}});
}

ShimFault::ShimFault(const std::string& fault) {
  setenv("LOCKSTEP_FAULT", fault.c_str(), 1);
}

ShimFault::~ShimFault() {
  unsetenv("LOCKSTEP_FAULT");
}

}  // namespace lockstep
