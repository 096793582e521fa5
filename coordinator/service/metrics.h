// Figures for Prometheus, at http://ADDRESS/metrics. Counts and times of calls and commits since the start; how many
// sweeps, trials and cores there are is asked of the coordinator whenever somebody reads.
// Threads: any.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "coordinator/loop/coordinator.h"

namespace lockstep {

class Metrics {
 public:
  // `listen`: host:port on loopback; port 0: any. Errors: bad_configuration when the address cannot be had.
  static StatusOr<std::unique_ptr<Metrics>> serve(const std::string& listen);
  virtual ~Metrics() = default;

  // host:port, with the port that was had.
  virtual std::string address() const = 0;
  // From now on tells the coordinator's state too, and the size of its event log. Requires: the coordinator's run() is
  // called now or soon, for readers wait for it; the coordinator outlives this object.
  virtual void tell_state(Coordinator& coordinator, const std::filesystem::path& log) = 0;
  // A call was answered; arguments as in OnCall.
  virtual void called(std::string_view method, std::string_view code, double seconds) = 0;
  // Events became durable.
  virtual void committed(double seconds) = 0;
};

}  // namespace lockstep
