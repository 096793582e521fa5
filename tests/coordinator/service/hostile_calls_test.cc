// Calls that mean harm, or make no sense: each gets a proper status or a closed connection, and whoever calls properly
// meanwhile is answered.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coordinator/service/listener.h"
#include "proto/coordinator.grpc.pb.h"
#include "tests/coordinator/service/raw_peer.h"
#include "tests/coordinator/service/service_scene.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

constexpr const char* kList = "/lockstep.proto.SweepService/List";
constexpr const char* kSubmit = "/lockstep.proto.SweepService/Submit";
constexpr int kPatienceMs = 60'000;  // no figure to be met: a server that never closes fails

// A client that calls without a pause until it is destroyed.
class HealthyClient {
 public:
  explicit HealthyClient(const ServiceScene& scene) : client_(scene.client()), thread_([this] { call_all(); }) {}
  ~HealthyClient() {
    over_ = true;
    thread_.join();
    EXPECT_GT(calls_, 0);
    EXPECT_EQ(failures_, 0) << "of " << calls_ << " calls";
  }

 private:
  void call_all() {
    while (!over_) {
      ++calls_;
      failures_ += client_->list().ok() ? 0 : 1;
    }
  }

  std::unique_ptr<Client> client_;
  std::atomic<bool> over_{false};
  int calls_ = 0;
  int failures_ = 0;
  std::thread thread_;
};

std::vector<std::string> all_methods() {
  std::vector<std::string> names;
  const auto* const file = proto::SubmitRequest::descriptor()->file();
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      names.push_back(fmt::format("/{}/{}", file->service(i)->full_name(), file->service(i)->method(j)->name()));
    }
  }
  return names;
}

TEST(HostileCalls, NoMethodAnswersWithoutTheToken) {
  const ServiceScene scene;
  const HealthyClient healthy(scene);
  const auto channel = scene.channel();
  ASSERT_GE(all_methods().size(), 14U);
  for (const std::string& method : all_methods()) {
    // A trainer has the token of its attempt, and the operators' opens nothing to it.
    const bool of_trainers = method.find(".RunnerService/") != std::string::npos;
    const auto refusal = of_trainers ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::UNAUTHENTICATED;
    EXPECT_EQ(call(channel, method, "", "").error_code(), refusal) << method;
    EXPECT_EQ(call(channel, method, "", "the tokem").error_code(), refusal) << method;
    if (of_trainers) {
      EXPECT_EQ(call(channel, method, "", kToken).error_code(), refusal) << method;
    }
  }
  EXPECT_TRUE(call(channel, kList, "", kToken).ok());  // the control
}

TEST(HostileCalls, WhatIsTooLargeIsRefused) {
  const ServiceScene scene;
  const HealthyClient healthy(scene);
  const auto channel = scene.channel();
  const grpc::Status message = call(channel, kSubmit, std::string(5 << 20, 'x'), kToken);
  EXPECT_EQ(message.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << message.error_message();
  const grpc::Status metadata = call(channel, kList, "", kToken, std::string(64 << 10, 'x'));
  EXPECT_EQ(metadata.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << metadata.error_message();
}

TEST(HostileCalls, WhatMakesNoSenseIsRefused) {
  const ServiceScene scene;
  const HealthyClient healthy(scene);
  const auto channel = scene.channel();
  const grpc::Status malformed = call(channel, kSubmit, "\xff\xff\xff\xff\xff", kToken);
  EXPECT_EQ(malformed.error_code(), grpc::StatusCode::INTERNAL) << malformed.error_message();
  EXPECT_EQ(call(channel, "/lockstep.proto.SweepService/Nothing", "", kToken).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call(channel, "/", "", kToken).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

// Limits hold on each kind of address.
class HostileConnections : public testing::TestWithParam<const char*> {
 protected:
  ServerOptions options() const {
    ServerOptions options;
    if (GetParam() == std::string_view("LocalSocket")) options.listen = "unix:" + (folder_.path() / "socket").string();
    return options;
  }

 private:
  TemporaryDirectory folder_;
};

INSTANTIATE_TEST_SUITE_P(, HostileConnections, testing::Values("Loopback", "LocalSocket"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(HostileConnections, PeersThatDoNotSpeakHttp2AreSentAway) {
  const ServiceScene scene(options());
  const HealthyClient healthy(scene);
  const std::string settings(kHttp2Hello);
  const std::string hello_and_noise = settings + std::string(1000, '\x5a');
  const std::string frame_of_16_megabytes = settings + "\xff\xff\xff" + std::string("\0\0\0\0\0\1", 6);
  const std::string settings_of_one_byte = settings + std::string("\0\0\1\4\0\0\0\0\0x", 10);
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), std::string(1000, '\0'),
                                   hello_and_noise, frame_of_16_megabytes, settings_of_one_byte}) {
    RawPeer peer(scene.address());
    ASSERT_TRUE(peer.is_connected());
    peer.send(bytes);
    EXPECT_TRUE(peer.is_closed_within(kPatienceMs)) << bytes.substr(0, 40);
  }
}

TEST_P(HostileConnections, APeerThatSaysAByteASecondIsSentAway) {
  const ServiceScene scene(options());
  const HealthyClient healthy(scene);
  RawPeer peer(scene.address());
  bool closed = false;
  for (std::size_t i = 0; i < kHttp2Hello.size() && !closed; ++i) {
    closed = !peer.send(kHttp2Hello.substr(i, 1)) || peer.is_closed_within(1000);
  }
  EXPECT_TRUE(closed);
}

TEST_P(HostileConnections, AThousandHalfOpenConnectionsAreClosed) {
  const ServiceScene scene(options());
  const HealthyClient healthy(scene);
  std::vector<RawPeer> peers;
  for (int i = 0; i < 1000; ++i) {
    peers.emplace_back(scene.address());
    ASSERT_TRUE(peers.back().is_connected()) << i;
    if (i % 2 == 0) peers.back().send(kHttp2Hello.substr(0, 24));  // half of them begin to speak
  }
  EXPECT_TRUE(call(scene.channel(), kList, "", kToken).ok()) << "a new client, while all are open";
  for (RawPeer& peer : peers) ASSERT_TRUE(peer.is_closed_within(kPatienceMs));
}

TEST(HostileCalls, NewConnectionsAreTakenAtAPace) {
  constexpr int kCount = 264, kAtOnce = 64;
  std::atomic<int> taken = 0;
  const auto listener = Listener::open("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  std::vector<RawPeer> peers;
  const auto began = std::chrono::steady_clock::now();
  (*listener)->start([&](int connection) {
    close(connection);
    ++taken;
  });
  for (int i = 0; i < kCount; ++i) peers.emplace_back((*listener)->address());
  for (int i = 0; i < 1000 && taken < kCount; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(taken, kCount) << "all, in the end";
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(kCount - kAtOnce));
}

// Opens so many connections that no descriptor is left, closes them, and asks whether `answers` again.
bool survives_a_flood(const std::string& address, const std::function<bool()>& answers) {
  {
    std::vector<RawPeer> peers;
    for (int i = 0; i < 400 && (peers.empty() || peers.back().is_connected()); ++i) peers.emplace_back(address);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the server meets its limit
  }
  for (int i = 0; i < 50; ++i) {
    if (answers()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

void allow_descriptors(rlim_t count) {
  const rlimit limit{.rlim_cur = count, .rlim_max = count};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_P(HostileConnections, AFloodDoesNotEndTheService) {
  ASSERT_NO_FATAL_FAILURE(allow_descriptors(300));
  const ServiceScene scene(options());
  const std::unique_ptr<Client> client = scene.client();
  ASSERT_TRUE(client->list().ok());
  EXPECT_TRUE(survives_a_flood(scene.address(), [&] { return call(scene.channel(), kList, "", kToken).ok(); }));
  EXPECT_TRUE(client->list().ok()) << "one that was connected before";
}

// When this one fails, gRPC's own listener can be used in place of ours.
TEST(HostileCalls, NegativeControlGrpcsOwnListenerEnds) {
  ASSERT_NO_FATAL_FAILURE(allow_descriptors(300));
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  proto::SweepService::Service service;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const std::string address = fmt::format("127.0.0.1:{}", port);
  const auto answers = [&] {
    RawPeer peer(address);
    return peer.is_connected() && peer.send("no HTTP") && peer.is_closed_within(100);
  };
  ASSERT_TRUE(answers());
  EXPECT_FALSE(survives_a_flood(address, answers));
}

}  // namespace
}  // namespace lockstep
