// The socket on which connections come. gRPC's own listener never accepts again after the first connection for which
// the process had no descriptor left (seen with 1.51), so a thousand idle connections would end the service for ever.
//
// Requires: the address has passed check_loopback.
// Ensures: a connection that would take one of the last quarter of the process's descriptors is closed at once; files,
// processes and those who are connected are not disturbed, and connections are taken again when others have gone. New
// ones are taken at 1000 a second, 64 of them at once.
// Threads: one thread per object; connections are handed over on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "storage/base/status.h"

namespace lockstep {

class Listener {
 public:
  // host:port; port 0: any. Errors: bad_configuration when the address cannot be had.
  static StatusOr<std::unique_ptr<Listener>> open(const std::string& listen);
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The port that was had.
  int port() const { return port_; }
  // Calls `take` with each new connection's descriptor, which it owns, until stop(). Raises the process's soft limit of
  // descriptors to 4096 where it may.
  void start(std::function<void(int descriptor)> take);
  // No more connections.
  void stop();

 private:
  Listener(int descriptor, int port) : descriptor_(descriptor), port_(port) {}
  void accept_all(int below);

  const int descriptor_;
  const int port_;
  std::function<void(int)> take_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace lockstep
