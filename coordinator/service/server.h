// The coordinator's gRPC server: its three services and the standard health service, on loopback.
// Threads: gRPC's own call the services; the coordinator's loop decides.
#pragma once

#include <memory>
#include <string>

#include "coordinator/loop/coordinator.h"

namespace lockstep {

struct ServerOptions {
  std::string listen;     // host:port; port 0: any
  std::string token;      // that every call must carry
  int most_streams = 32;  // watchers at a time
};

class Server {
 public:
  // Errors: bad_configuration (an address that is not loopback, or that cannot be had).
  static StatusOr<std::unique_ptr<Server>> start(Coordinator& coordinator, const ServerOptions& options);
  virtual ~Server() = default;
  // host:port, with the port that was had.
  virtual std::string address() const = 0;
  // No new calls; those under way have a second to end.
  virtual void stop() = 0;
};

// Whether `listen` is host:port with a host that only this machine can reach. Errors: bad_configuration.
Status check_loopback(const std::string& listen);

}  // namespace lockstep
