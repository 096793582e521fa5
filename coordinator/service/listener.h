// The socket on which connections come. gRPC's own listener never accepts again after the first connection for which
// the process had no descriptor left (seen with 1.51), so a thousand idle connections would end the service for ever.
//
// Requires: the address has passed check_loopback, or is that of a local socket.
// Ensures: a connection that would take one of the last quarter of the process's descriptors is closed at once; files,
// processes and those who are connected are not disturbed, and connections are taken again when others have gone. New
// ones are taken at 1000 a second, 64 of them at once. A local socket is its owner's alone: its file has mode 0600, and
// a peer of another user than this one or root is closed at once.
// Threads: one thread per object; connections are handed over on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <sys/stat.h>

#include "coordinator/service/socket_address.h"
#include "storage/base/descriptor.h"
#include "storage/base/status.h"

namespace lockstep {

class Listener {
 public:
  // As parse_address; port 0: any. A socket's file that nobody listens behind is replaced. Errors: bad_configuration
  // when the address cannot be had.
  static StatusOr<std::unique_ptr<Listener>> open(const std::string& address);
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The address, with the port that was had.
  const std::string& address() const { return address_; }
  // Whether peers still find it there: the file of a local socket may have been removed.
  bool is_reachable() const;
  // Calls `take` with each new connection's descriptor, which it owns, until stop(). Raises the process's soft limit of
  // descriptors to 4096 where it may.
  void start(std::function<void(int descriptor)> take);
  // No more connections; a local socket's file is removed.
  void stop();

 private:
  Listener(Descriptor socket, std::string address, const SocketAddress& where);
  void accept_all(int below);
  bool is_welcome(int connection) const;

  Descriptor socket_;
  const std::string address_;
  const SocketAddress where_;
  struct stat file_{};  // of a local socket
  std::function<void(int)> take_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace lockstep
