#include "coordinator/service/metrics.h"

#include <exception>
#include <map>

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "coordinator/service/server.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kThreads = 2;
const prometheus::Histogram::BucketBoundaries kSeconds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                       0.1,    0.2,   0.5,   1,     2,    5};

prometheus::MetricFamily gauge(const char* name, const char* help) {
  return {.name = name, .help = help, .type = prometheus::MetricType::Gauge, .metric = {}};
}

void add(prometheus::MetricFamily& family, double value, const std::string& state = "") {
  prometheus::ClientMetric& it = family.metric.emplace_back();
  if (!state.empty()) it.label.push_back({.name = "state", .value = state});
  it.gauge.value = value;
}

double bytes_of(const fs::path& log) {
  double bytes = 0;
  for (const char* const suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = fs::file_size(log.string() + suffix, error);
    if (!error) bytes += static_cast<double>(size);
  }
  return bytes;
}

// What is asked of the coordinator when somebody reads; nothing when it has ended.
class StateFigures final : public prometheus::Collectable {
 public:
  StateFigures(Coordinator& coordinator, fs::path log) : coordinator_(coordinator), log_(std::move(log)) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    using Families = std::vector<prometheus::MetricFamily>;
    const auto nothing = [](Coordinator::Desk&) { return OkStatus(); };
    const auto figures = coordinator_.ask<Families>(nothing, [this](const State& state) { return of(state); });
    return figures.ok() ? *figures : Families();
  }

 private:
  std::vector<prometheus::MetricFamily> of(const State& state) const {
    std::map<proto::SweepState, int> sweeps;
    std::map<proto::TrialState, int> trials;
    int attempts = 0;
    int cores = 0;
    for (const Sweep& sweep : state.sweeps) {
      ++sweeps[sweep.state];
      attempts += sweep.live_trials;
      cores += sweep.live_cores;
      for (const Trial& trial : sweep.trials) ++trials[trial.state];
    }
    std::vector<prometheus::MetricFamily> all{
        gauge("lockstep_sweeps", "Sweeps by state."),
        gauge("lockstep_trials", "Trials by state."),
        gauge("lockstep_attempts_running", "Attempts that have not ended."),
        gauge("lockstep_cores", "Cores of the coordinator."),
        gauge("lockstep_event_revision", "Revision of the newest event."),
        gauge("lockstep_store_bytes", "Bytes of the event log with its write-ahead log."),
    };
    for (int i = 0; i < proto::SweepState_ARRAYSIZE; ++i) {
      const auto it = static_cast<proto::SweepState>(i);
      add(all[0], sweeps[it], name_of(it));
    }
    for (int i = 0; i < proto::TrialState_ARRAYSIZE; ++i) {
      const auto it = static_cast<proto::TrialState>(i);
      add(all[1], trials[it], name_of(it));
    }
    add(all[2], attempts);
    add(all[3], cores, "used");
    add(all[3], static_cast<double>(coordinator_.options().cores.size()) - cores, "free");
    add(all[4], static_cast<double>(state.revision));
    add(all[5], bytes_of(log_));
    return all;
  }

  Coordinator& coordinator_;
  const fs::path log_;
};

class PrometheusMetrics final : public Metrics {
 public:
  explicit PrometheusMetrics(const std::string& listen)
      : host_(listen.substr(0, listen.rfind(':'))), exposer_(listen, kThreads) {
    exposer_.RegisterCollectable(registry_);
  }
  std::string address() const override { return fmt::format("{}:{}", host_, exposer_.GetListeningPorts().at(0)); }
  void tell_state(Coordinator& coordinator, const fs::path& log) override {
    state_ = std::make_shared<StateFigures>(coordinator, log);
    exposer_.RegisterCollectable(state_);
  }
  void called(std::string_view method, std::string_view code, double seconds) override {
    const std::string name(method);
    requests_.Add({{"method", name}, {"code", std::string(code)}}).Increment();
    request_seconds_.Add({{"method", name}}, kSeconds).Observe(seconds);
    if (name.ends_with("RunnerService/Report") && code == "OK") accepted_.Increment();
    if (name.ends_with("RunnerService/Report") && code == "PERMISSION_DENIED") refused_.Increment();
  }
  void committed(double seconds) override { commit_seconds_.Observe(seconds); }

 private:
  const std::string host_;
  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  std::shared_ptr<StateFigures> state_;
  prometheus::Family<prometheus::Counter>& requests_ =
      prometheus::BuildCounter().Name("lockstep_requests_total").Help("Calls by answer.").Register(*registry_);
  prometheus::Family<prometheus::Histogram>& request_seconds_ =
      prometheus::BuildHistogram()
          .Name("lockstep_request_seconds")
          .Help("Time to the answer of a call; a watch lasts as long as its client wants.")
          .Register(*registry_);
  prometheus::Family<prometheus::Counter>& reports_ =
      prometheus::BuildCounter()
          .Name("lockstep_reports_total")
          .Help("Reports of trainers; refused ones came from attempts that are not the trial's any more.")
          .Register(*registry_);
  prometheus::Counter& accepted_ = reports_.Add({{"result", "accepted"}});
  prometheus::Counter& refused_ = reports_.Add({{"result", "refused"}});
  prometheus::Histogram& commit_seconds_ = prometheus::BuildHistogram()
                                               .Name("lockstep_commit_seconds")
                                               .Help("Time of a transaction of the event log, with its sync.")
                                               .Register(*registry_)
                                               .Add({}, kSeconds);
  prometheus::Exposer exposer_;  // last: it reads the others until it is gone
};

}  // namespace

StatusOr<std::unique_ptr<Metrics>> Metrics::serve(const std::string& listen) {
  RETURN_IF_ERROR(check_loopback("--metrics", listen));
  try {
    return std::make_unique<PrometheusMetrics>(listen);
  } catch (const std::exception&) {  // it does not say why
    return bad_configuration(fmt::format("--metrics {}: the address cannot be had; is it in use?", listen));
  }
}

}  // namespace lockstep
