// The coordinator's gRPC server: its three services, the standard health service and, when wanted, the standard
// reflection, on a local socket or on loopback.
// Threads: gRPC's own call the services; the coordinator's loop decides.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "coordinator/loop/coordinator.h"

namespace lockstep {

// A call was answered: its method ("/lockstep.proto.SweepService/Get"; "unknown" when there is no such method, for a
// client may name as many as it wants), the code ("OK"), the time since it came. Threads: any.
using OnCall = std::function<void(std::string_view method, std::string_view code, double seconds)>;

struct ServerOptions {
  std::string listen;       // host:port on loopback, port 0: any; or "unix:" and the path of a socket
  std::string token;        // that every call must carry, but for those of trainers: they have an attempt's
  std::string instance;     // which of all coordinators this one is; every answer to a trainer carries it
  int most_streams = 32;    // watchers at a time
  bool reflection = false;  // tells what services there are, to whoever asks
  OnCall on_call = nullptr;
};

class Server {
 public:
  // Errors: bad_configuration (an address that is not loopback, or that cannot be had).
  static StatusOr<std::unique_ptr<Server>> start(Coordinator& coordinator, const ServerOptions& options);
  virtual ~Server() = default;
  // Where it listens, with the port that was had.
  virtual std::string address() const = 0;
  // Whether new clients find it there: a local socket's file may have been removed. Threads: one, with move_to().
  virtual bool is_reachable() const = 0;
  // Listens there from now on; those who are connected stay. Errors: as of start().
  virtual Status move_to(const std::string& listen) = 0;
  // No new calls; those under way have a second to end.
  virtual void stop() = 0;
};

// Whether `listen`, the value of `flag`, is host:port with a host that only this machine can reach. Errors:
// bad_configuration.
Status check_loopback(std::string_view flag, const std::string& listen);

}  // namespace lockstep
