// Where the system denies a look at a process, or a signal to it, the process is not taken for dead. A filter of system
// calls stands for policies of containers; it stays for the life of a process, so each test has a child.
#include <cerrno>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coordinator/execute/attempt_scene.h"
#include "tests/storage/base/child_process.h"

namespace lockstep {
namespace {

constexpr uid_t kNobody = 65534;

// From now on this call fails so in this process.
void deny(long call, int error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(code), .filter = code};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
        "no filter of system calls");
}

// A process that leads a session.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ == 0) {
      setsid();
      execl("/bin/sleep", "sleep", "100", nullptr);
      _exit(127);
    }
    EXPECT_TRUE(eventually([this] {
      const auto facts = process_facts(pid_);
      return facts && facts->session == pid_;
    }));
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  ProcessIdentity identity() const { return process_facts(pid_)->identity; }

 private:
  const pid_t pid_;
};

TEST(DeniedTest, ASessionThatCannotBeKilledLives) {
  const Sleeper sleeper;
  const auto count_without = [&](long call) {
    return run_in_child("", [&] {
      deny(call, EPERM);
      return kill_session(sleeper.pid(), 0);
    });
  };
  EXPECT_EQ(count_without(SYS_pidfd_open), 1);
  EXPECT_EQ(count_without(SYS_pidfd_send_signal), 1);
  EXPECT_TRUE(lives(sleeper.pid()));
  EXPECT_EQ(run_in_child("", [&] { return kill_session(sleeper.pid(), 0); }), 1) << "the control: nothing is denied";
  EXPECT_TRUE(eventually([&] { return kill_session(sleeper.pid(), 0) == 0; }));
}

TEST(DeniedTest, ASessionOfAnotherUserLives) {
  if (geteuid() != 0) return;  // only root can become another user
  const Sleeper sleeper;
  const int count = run_in_child("", [&] {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) return -1;
    return kill_session(sleeper.pid(), 0);
  });
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(lives(sleeper.pid()));
}

// 0: dead, 1: it lives, 2: that cannot be told.
int look_at(const ProcessIdentity& identity) {
  const Status status = open_process(identity).status();
  return absl::IsNotFound(status) ? 0 : absl::IsUnavailable(status) ? 2 : 1;
}

TEST(DeniedTest, OnlyNoSuchProcessIsDeath) {
  ProcessIdentity ended;
  {
    const Sleeper sleeper;
    ended = sleeper.identity();
    ProcessIdentity other = ended;
    other.start_ticks += 1;
    const auto look_without = [](int error, const ProcessIdentity& it) {
      return run_in_child("", [&] {
        deny(SYS_pidfd_open, error);
        return look_at(it);
      });
    };
    for (const int error : {EPERM, ENOSYS, EINVAL, EMFILE, ENFILE, ENOMEM, EACCES}) {
      EXPECT_EQ(look_without(error, ended), 2) << error;
    }
    EXPECT_EQ(look_without(EPERM, other), 0) << "its number is used by another";
    EXPECT_EQ(look_without(ESRCH, ended), 0);
    EXPECT_EQ(run_in_child("",
                           [&] {
                             const rlimit none{.rlim_cur = 0, .rlim_max = 0};
                             CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
                             return look_at(ended);
                           }),
              2);
    EXPECT_EQ(look_at(ended), 1) << "the control";
  }
  EXPECT_EQ(look_at(ended), 0);
  EXPECT_EQ(run_in_child("",
                         [&] {
                           deny(SYS_pidfd_open, EPERM);
                           return look_at(ended);
                         }),
            0)
      << "who is not there is dead by any call";
}

// The leader of a session that lives on is dead, though its number is not free.
TEST(DeniedTest, ALeaderThatWasOutlivedIsDead) {
  int ends[2] = {};
  ASSERT_EQ(pipe(ends), 0);
  const pid_t leader = fork();
  if (leader == 0) {
    setsid();
    const pid_t member = fork();
    if (member == 0) {
      pause();
      _exit(0);
    }
    const bool told = write(ends[1], &member, sizeof(member)) == sizeof(member);
    pause();
    _exit(told ? 0 : 1);
  }
  pid_t member = 0;
  ASSERT_EQ(read(ends[0], &member, sizeof(member)), static_cast<ssize_t>(sizeof(member)));
  const ProcessIdentity identity = process_facts(leader)->identity;
  kill(leader, SIGKILL);
  waitpid(leader, nullptr, 0);
  EXPECT_EQ(look_at(identity), 0);
  EXPECT_EQ(kill_session(leader, 0), 1) << "the member";
  EXPECT_TRUE(eventually([&] { return kill_session(leader, 0) == 0; }));
  close(ends[0]);
  close(ends[1]);
}

// What an executor that is denied `call` tells within three seconds of an attempt that runs: 0 nothing, 1 an end.
int adopts_without(long call, const AttemptScene& scene, bool kills) {
  return run_in_child("", [&] {
    deny(call, EPERM);
    EndLog log;
    const auto executor = local_executor(log);
    executor->ensure(scene.key(), scene.path(), scene.job("exit 9"));
    if (kills) executor->kill(scene.key(), proto::FENCED);
    for (int i = 0; i < 300 && log.ends().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return log.ends().empty() ? 0 : 1;
  });
}

TEST(DeniedTest, ARunningAttemptIsNotTakenForEnded) {
  const AttemptScene scene;
  EndLog first_log;
  auto first = local_executor(first_log);
  first->ensure(scene.key(), scene.path(), scene.job("while [ ! -e $D/go ]; do sleep 0.01; done; exit 6"));
  const pid_t job = scene.job_pid();
  first.reset();
  EXPECT_EQ(adopts_without(SYS_pidfd_open, scene, /*kills=*/false), 0);
  EXPECT_EQ(adopts_without(SYS_pidfd_open, scene, /*kills=*/true), 0);
  EXPECT_EQ(adopts_without(SYS_pidfd_send_signal, scene, /*kills=*/true), 0);
  EXPECT_TRUE(lives(job));
  EXPECT_EQ(scene.starts(), 1);
  EXPECT_EQ(adopts_without(SYS_getppid, scene, /*kills=*/true), 1) << "the control: nothing of it is denied";
  EXPECT_FALSE(lives(job));
}

}  // namespace
}  // namespace lockstep
