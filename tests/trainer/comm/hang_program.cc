// A job of which one rank hangs: hang_program TIMEOUT_SECONDS sleep|stop|none RANK. Steps of forward and reduction; in
// step 2 that rank sleeps for ever, or stops itself (SIGSTOP). With none it ends after 5 steps.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "trainer/comm/heartbeat.h"
#include "trainer/comm/mpi_communicator.h"

int main(int argc, char** argv) {
  lockstep::die_with_parent();
  CHECK(argc == 4, "{} arguments", argc);
  const std::string kind = argv[2];
  auto session = lockstep::MpiSession::create();
  CHECK(session.ok(), "{}", session.status().ToString());
  lockstep::Communicator& communicator = (*session)->communicator();
  lockstep::Heartbeat heartbeat(communicator, std::atof(argv[1]));
  for (int step = 0; step < 5; ++step) {
    heartbeat.note(lockstep::Phase::kForwardBackward, step);
    if (step == 2 && communicator.rank() == std::atoi(argv[3])) {
      if (kind == "stop") raise(SIGSTOP);
      while (kind == "sleep") pause();
    }
    heartbeat.note(lockstep::Phase::kReduction, step);
    communicator.barrier();
  }
  heartbeat.note(lockstep::Phase::kEnd, 5);
  std::puts("done");
  return 0;
}
