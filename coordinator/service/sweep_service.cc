#include <algorithm>
#include <limits>

#include <absl/strings/escaping.h>
#include <openssl/sha.h>

#include "coordinator/service/services.h"
#include "coordinator/sweep/commands.h"
#include "coordinator/sweep/plan.h"

namespace lockstep {
namespace {

constexpr std::int64_t kEventsARead = 1000;
constexpr std::size_t kMostRequestIdBytes = 128;
constexpr int kMostTrialsAPage = 1000;
constexpr int kMostSuggestions = 1000;

std::string hash_of(const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

// The reply of the first time, when this request id was used before.
StatusOr<std::optional<proto::SubmitReply>> earlier_reply(Store& store, const std::string& id,
                                                          const std::string& hash) {
  std::optional<proto::SubmitReply> reply;
  if (id.empty()) return reply;
  ASSIGN_OR_RETURN(const auto found, store.find_request(id));
  if (!found) return reply;
  if (found->hash != hash) {
    return absl::FailedPreconditionError(fmt::format("request id `{}` was used for another sweep", id));
  }
  CHECK(reply.emplace().ParseFromString(found->response), "the stored reply of request {}", id);
  return reply;
}

}  // namespace

StatusOr<proto::SubmitReply> SweepServiceImpl::submit_sweep(const proto::SubmitRequest& request) {
  if (request.request_id().size() > kMostRequestIdBytes) {
    return bad_configuration(fmt::format("request_id: more than {} bytes", kMostRequestIdBytes));
  }
  auto made = std::make_shared<proto::SubmitReply>();
  const std::string hash = request.request_id().empty() ? "" : hash_of(request.spec());
  proto::SweepSpec spec = request.spec();
  Faults faults;  // looked for here: a large sweep does not hold up the loop
  complete_and_check(spec, coordinator_.options().machine, faults);
  const Status checked = faults.status("sweep");
  const auto decide = [&](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(const auto earlier, earlier_reply(desk.store, request.request_id(), hash));
    if (earlier) {
      *made = *earlier;
      return OkStatus();
    }
    RETURN_IF_ERROR(checked);
    ASSIGN_OR_RETURN(Events events, submit(desk.state, spec));
    if (request.validate_only()) return OkStatus();
    made->set_sweep(events[0].sweep());
    desk.commit.events = std::move(events);
    if (!request.request_id().empty()) {
      desk.commit.request = {.id = request.request_id(), .hash = hash, .response = made->SerializeAsString()};
    }
    return OkStatus();
  };
  return coordinator_.ask<proto::SubmitReply>(decide, [made](const State&) { return *made; });
}

grpc::Status SweepServiceImpl::Submit(grpc::ServerContext* context, const proto::SubmitRequest* request,
                                      proto::SubmitReply* reply) {
  return answer<proto::SubmitReply>(*context, token_, reply, [&] { return submit_sweep(*request); });
}

grpc::Status SweepServiceImpl::Get(grpc::ServerContext* context, const proto::GetRequest* request,
                                   proto::SweepView* reply) {
  return answer<proto::SweepView>(*context, token_, reply, [&] {
    ViewOptions options = coordinator_.view_options();
    options.with_spec = true;
    return ask_of_sweep<proto::SweepView>(coordinator_, request->sweep(),
                                          [&](const Sweep& sweep) { return view(sweep, options); });
  });
}

grpc::Status SweepServiceImpl::List(grpc::ServerContext* context, const proto::ListRequest*, proto::ListReply* reply) {
  return answer<proto::ListReply>(*context, token_, reply, [&] {
    const ViewOptions options = coordinator_.view_options();
    return coordinator_.ask<proto::ListReply>([](Coordinator::Desk&) { return OkStatus(); },
                                              [&](const State& state) {
                                                proto::ListReply list;
                                                for (const Sweep& sweep : state.sweeps) {
                                                  *list.add_sweep() = view(sweep, options);
                                                }
                                                return list;
                                              });
  });
}

grpc::Status SweepServiceImpl::Trials(grpc::ServerContext* context, const proto::TrialsRequest* request,
                                      proto::TrialsReply* reply) {
  return answer<proto::TrialsReply>(*context, token_, reply, [&] {
    const ViewOptions options = coordinator_.view_options();
    const auto look = [&](const Sweep& sweep) {
      proto::TrialsReply page;
      const auto first = static_cast<std::size_t>(std::max(0, request->first()));
      const int most = std::clamp(request->most(), 0, kMostTrialsAPage);
      for (std::size_t i = first; i < sweep.trials.size() && page.trial_size() < most; ++i) {
        if (request->only_open() && sweep.trials[i].is_ended()) continue;
        *page.add_trial() = view(sweep, sweep.trials[i], options);
      }
      return page;
    };
    return ask_of_sweep<proto::TrialsReply>(coordinator_, request->sweep(), look);
  });
}

Status SweepServiceImpl::watch(const grpc::ServerContext& context, const proto::WatchRequest& request,
                               grpc::ServerWriter<proto::Event>& writer) {
  struct Count {
    std::atomic<int>& streams;
    explicit Count(std::atomic<int>& all) : streams(all) { ++streams; }
    ~Count() { --streams; }
  } count(streams_);
  if (streams_ > most_streams_) {
    return absl::ResourceExhaustedError(fmt::format("{} watchers, the most there may be", most_streams_));
  }
  std::int64_t revision = request.after_revision();
  while (!context.IsCancelled() && !coordinator_.ended()) {
    auto events = std::make_shared<std::vector<proto::Event>>();
    const auto read = [&, events](Coordinator::Desk& desk) -> Status {
      if (!request.sweep().empty()) RETURN_IF_ERROR(find_sweep(desk.state, request.sweep()).status());
      return desk.store.read_events(revision, kEventsARead, [&](const proto::Event& it) { events->push_back(it); });
    };
    // The round that reads may bring the end itself, with events that were not there yet.
    ASSIGN_OR_RETURN(const std::int64_t last, coordinator_.ask<std::int64_t>(read, [&](const State& state) {
      const Sweep* const sweep = state.find(request.sweep());
      return sweep != nullptr && sweep->is_ended() ? sweep->revision : std::numeric_limits<std::int64_t>::max();
    }));
    for (proto::Event& event : *events) {
      revision = event.revision();
      if (!request.sweep().empty() && event.sweep() != request.sweep()) continue;
      if (!writer.Write(public_event(std::move(event)))) return absl::CancelledError();
    }
    if (revision >= last) return OkStatus();
    if (!events->empty()) continue;
    if (!request.follow()) return OkStatus();
    coordinator_.wait_for_event(revision, std::chrono::milliseconds(500));
  }
  return context.IsCancelled() ? absl::CancelledError() : absl::UnavailableError("the coordinator is ending");
}

grpc::Status SweepServiceImpl::Watch(grpc::ServerContext* context, const proto::WatchRequest* request,
                                     grpc::ServerWriter<proto::Event>* writer) {
  return answer(*context, token_, [&] { return watch(*context, *request, *writer); });
}

StatusOr<proto::SweepView> SweepServiceImpl::change_sweep(const std::string& sweep,
                                                          const std::function<StatusOr<Events>(const State&)>& decide) {
  const ViewOptions options = coordinator_.view_options();
  const auto work = [&](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(desk.commit.events, decide(desk.state));
    return OkStatus();
  };
  return coordinator_.ask<proto::SweepView>(work, [&](const State& state) -> StatusOr<proto::SweepView> {
    ASSIGN_OR_RETURN(const Sweep* const changed, find_sweep(state, sweep));
    return view(*changed, options);
  });
}

grpc::Status SweepServiceImpl::Change(grpc::ServerContext* context, const proto::ChangeRequest* request,
                                      proto::SweepView* reply) {
  return answer<proto::SweepView>(*context, token_, reply, [&] {
    return change_sweep(request->sweep(), [&](const State& state) { return change(state, *request); });
  });
}

grpc::Status SweepServiceImpl::Retry(grpc::ServerContext* context, const proto::RetryRequest* request,
                                     proto::SweepView* reply) {
  return answer<proto::SweepView>(*context, token_, reply, [&] {
    return change_sweep(request->sweep(), [&](const State& state) { return retry(state, *request); });
  });
}

grpc::Status SweepServiceImpl::Delete(grpc::ServerContext* context, const proto::DeleteRequest* request,
                                      proto::DeleteReply* reply) {
  return answer<proto::DeleteReply>(*context, token_, reply, [&] {
    const auto work = [&](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events, remove(desk.state, *request));
      return OkStatus();
    };
    return coordinator_.ask<proto::DeleteReply>(work, [](const State&) { return proto::DeleteReply(); });
  });
}

StatusOr<proto::PlanReply> SweepServiceImpl::plan_sweep(const proto::PlanRequest& request) const {
  proto::SweepSpec spec = request.spec();
  Faults faults;
  complete_and_check(spec, coordinator_.options().machine, faults);
  RETURN_IF_ERROR(faults.status("sweep"));
  proto::PlanReply reply;
  reply.set_trials(most_trials(spec));
  reply.set_epochs(expected_epochs(spec));
  const int cores = spec.ranks() * spec.job().execution().threads_per_rank();
  reply.set_parallel(std::min(spec.limits().parallel(), static_cast<int>(coordinator_.options().cores.size()) / cores));
  if (request.epoch_seconds() > 0 && reply.parallel() > 0) {
    const double seconds = reply.epochs() * request.epoch_seconds();
    reply.set_epoch_seconds(request.epoch_seconds());
    reply.set_seconds(seconds / reply.parallel());
    reply.set_core_hours(seconds * cores / 3600);
  }
  for (const proto::TrialCreated& it :
       first_suggestions(spec, std::clamp(request.suggestions(), 0, kMostSuggestions))) {
    *reply.add_suggestion() = it;
  }
  return reply;
}

grpc::Status SweepServiceImpl::Plan(grpc::ServerContext* context, const proto::PlanRequest* request,
                                    proto::PlanReply* reply) {
  return answer<proto::PlanReply>(*context, token_, reply, [&] { return plan_sweep(*request); });
}

}  // namespace lockstep
