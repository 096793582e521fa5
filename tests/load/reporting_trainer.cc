// reporting_trainer JOB --out DIR --attempt FILE ...: a trainer, as lockstep-serve starts it, that trains nothing and
// reports a thousand train points and an evaluation for each epoch of its job, as fast as they are accepted. Prints how
// long it took.
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include "proto/attempt.pb.h"
#include "proto/coordinator.grpc.pb.h"
#include "proto/job.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

constexpr int kPointsAReport = 100;
constexpr int kReportsAnEpoch = 10;

Status report_all(const proto::Job& job, const proto::AttemptFile& attempt, const std::string& address) {
  const auto stub = proto::RunnerService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  proto::ReportRequest request;
  request.mutable_attempt()->set_sweep(attempt.sweep());
  request.mutable_attempt()->set_trial(attempt.trial());
  request.mutable_attempt()->set_attempt(attempt.attempt());
  request.mutable_attempt()->set_token(attempt.token());
  std::int64_t step = 0;
  for (int report = 1; report <= job.epochs() * kReportsAnEpoch; ++report) {
    request.set_seq(report);
    request.clear_train();
    for (int i = 0; i < kPointsAReport; ++i) {
      proto::TrainMetric& point = *request.add_train();
      point.set_step(++step);
      point.set_loss(1.0 / static_cast<double>(step));
      point.set_accuracy(0.5);
      point.set_learning_rate(0.1);
      point.set_images_per_second(1000);
    }
    request.clear_eval();
    if (report % kReportsAnEpoch == 0) {
      proto::EvalMetric& evaluation = *request.add_eval();
      evaluation.set_step(step);
      evaluation.set_epoch(report / kReportsAnEpoch);
      evaluation.set_loss(1.0 / static_cast<double>(step));
      evaluation.set_accuracy(0.5);
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    proto::ReportReply reply;
    const grpc::Status status = stub->Report(&context, request, &reply);
    if (!status.ok()) return io_error(fmt::format("report {}: {}", report, status.error_message()));
  }
  return OkStatus();
}

Status run(const char* job_file, const char* attempt_file) {
  proto::Job job;
  proto::AttemptFile attempt;
  Faults faults;
  RETURN_IF_ERROR(read_text_proto(job_file, job, faults));
  RETURN_IF_ERROR(read_text_proto(attempt_file, attempt, faults));
  proto::EndpointFile endpoint;
  RETURN_IF_ERROR(read_text_proto(attempt.endpoint_file(), endpoint, faults));
  RETURN_IF_ERROR(faults.status("job, attempt or endpoint"));
  const auto begin = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(report_all(job, attempt, endpoint.address()));
  fmt::print("{} seconds\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return OkStatus();
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  if (argc < 6 || std::string_view(argv[4]) != "--attempt") return 2;
  const lockstep::Status status = lockstep::run(argv[1], argv[5]);
  if (!status.ok()) fmt::print(stderr, "{}\n", std::string(status.message()));
  return lockstep::exit_code(status);
}
