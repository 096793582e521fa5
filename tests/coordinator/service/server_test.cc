// What a proper client sees: reflection when it was asked for, every fault of a sweep, and that calls are observed.
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "proto/error.pb.h"
#include "storage/base/text_proto.h"
#include "tests/coordinator/service/service_scene.h"

namespace lockstep {
namespace {

// "List the services", as a message of grpc.reflection.v1alpha.
constexpr const char* kReflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
const std::string kListServices("\x3a\x00", 2);

TEST(Reflection, AnswersOnlyWhenItWasAskedForAndNeedsNoToken) {
  const ServiceScene without;
  EXPECT_EQ(call(without.channel(), kReflection, kListServices, kToken).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  const ServiceScene with({.listen = "", .token = "", .instance = "", .reflection = true});
  const grpc::Status answer = call(with.channel(), kReflection, kListServices, "");
  EXPECT_TRUE(answer.ok()) << answer.error_message();
}

proto::SubmitRequest bad_submission() {
  proto::SubmitRequest request;
  request.set_validate_only(true);
  Faults faults;
  parse_text_proto(R"(
    name: "bad"
    ranks: 3
    job { name: "job" data { path: "/etc/passwd" } model { zoo: "lenet" } epochs: 4 }
    parameter { name: "rate" path: "schedule.constant.rate" float { min: 2 max: 1 } }
    scheduler { hyperband { min_epochs: 0 eta: 1 } }
    limits { trials: 0 parallel: 5000 }
    retries { limit: -1 })",
                   *request.mutable_spec(), faults);
  EXPECT_TRUE(faults.empty()) << faults.status("spec");
  return request;
}

TEST(ErrorDetails, NameEveryBadFieldAtOnce) {
  const ServiceScene scene;
  const Status status = scene.client()->submit(bad_submission()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const auto payload = status.GetPayload({kFaultsPayload.data(), kFaultsPayload.size()});
  ASSERT_TRUE(payload.has_value());
  proto::BadRequest details;
  ASSERT_TRUE(details.ParseFromString(std::string(*payload)));
  std::map<std::string, std::string> found;
  for (const proto::FieldViolation& it : details.field_violations()) found[it.field()] = it.description();
  for (const char* const field : {"ranks", "job.data.path", "parameter[0].float.max", "scheduler.hyperband.min_epochs",
                                  "scheduler.hyperband.eta", "limits.trials", "limits.parallel", "retries.limit"}) {
    EXPECT_TRUE(found.contains(field)) << field << " is not in " << status;
    EXPECT_NE(std::string(status.message()).find(field), std::string::npos) << field;
  }
}

TEST(ErrorDetails, AreGooglesOnTheWire) {
  const ServiceScene scene;
  const grpc::Status status =
      call(scene.channel(), "/lockstep.proto.SweepService/Submit", bad_submission().SerializeAsString(), kToken);
  proto::ErrorDetails details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_EQ(details.message(), status.error_message());
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.BadRequest");
}

TEST(ErrorDetails, AMessageWithoutEndIsCut) {
  const ServiceScene scene;
  proto::SubmitRequest request = bad_submission();
  request.mutable_spec()->mutable_parameter(0)->set_name(std::string(1 << 20, 'x'));
  const Status status = scene.client()->submit(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status.code();
  EXPECT_EQ(status.message().size(), std::size_t{128} << 10);
}

TEST(ErrorDetails, MoreFaultsThanAreToldAreCounted) {
  const ServiceScene scene;
  proto::SubmitRequest request = bad_submission();
  for (int i = 0; i < 20'000; ++i) request.mutable_spec()->add_parameter();
  const Status status = scene.client()->submit(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status.code();
  EXPECT_NE(std::string(status.message()).find(" more"), std::string::npos);
}

TEST(Calls, OneTrialIsAskedForAlone) {
  const ServiceScene scene;
  const std::unique_ptr<Client> client = scene.client();
  EXPECT_TRUE(absl::IsNotFound(client->trial("s1", 0).status()));
  const auto sweep = client->submit(good_submission());
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  const auto trial = client->trial(sweep->sweep(), 0);
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->trial(), 0);
  EXPECT_EQ(trial->assignment_size(), 1);
  for (const int none : {-1, 1, 99}) {
    const Status status = client->trial(sweep->sweep(), none).status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_NE(std::string(status.message()).find(fmt::format("no trial {}", none)), std::string::npos) << status;
  }
}

TEST(Calls, AreObservedWithTheirAnswer) {
  std::mutex mutex;
  std::map<std::string, int> calls;
  {
    const ServiceScene scene(
        {.listen = "", .token = "", .instance = "", .on_call = [&](auto method, auto code, double seconds) {
           const std::lock_guard lock(mutex);
           EXPECT_GE(seconds, 0);
           ++calls[fmt::format("{} {}", method, code)];
         }});
    ASSERT_TRUE(scene.client()->list().ok());
    EXPECT_TRUE(absl::IsNotFound(scene.client()->get("s1").status()));
    EXPECT_FALSE(call(scene.channel(), "/lockstep.proto.SweepService/List", "", "").ok());
    EXPECT_FALSE(call(scene.channel(), "/lockstep.proto.SweepService/Nothing", "", kToken).ok());
  }
  EXPECT_EQ(calls, (std::map<std::string, int>{{"/lockstep.proto.SweepService/List OK", 1},
                                               {"/lockstep.proto.SweepService/List UNAUTHENTICATED", 1},
                                               {"/lockstep.proto.SweepService/Get NOT_FOUND", 1},
                                               {"unknown UNIMPLEMENTED", 1}}));
}

}  // namespace
}  // namespace lockstep
