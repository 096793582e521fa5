// The coordinator on a socket of this machine: whose it is, what is in its way, how its directory is found.
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/service/endpoint.h"
#include "coordinator/service/listener.h"
#include "proto/coordinator.grpc.pb.h"
#include "tests/coordinator/service/raw_peer.h"
#include "tests/coordinator/service/service_scene.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class LocalSocketTest : public testing::Test {
 protected:
  LocalSocketTest() {
    fs::permissions(folder_.path(), fs::perms::owner_all);
    setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), 1);
    setenv("TMPDIR", state("temporary").c_str(), 1);  // not where coordinators of the one who tests are
  }
  ~LocalSocketTest() override {
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("TMPDIR");
  }

  fs::path state(const std::string& name) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path);
    return path;
  }
  std::string address() const { return "unix:" + (folder_.path() / "socket").string(); }
  static proto::EndpointFile endpoint(const std::string& address) {
    proto::EndpointFile it;
    it.set_address(address);
    it.set_instance("one");
    return it;
  }

  TemporaryDirectory folder_;
};

TEST_F(LocalSocketTest, ServesWhoeverHasTheTokenAndTheUser) {
  const ServiceScene scene({.listen = address(), .token = "", .instance = ""});
  EXPECT_EQ(scene.address(), address());
  EXPECT_TRUE(scene.client()->list().ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Client::connect(address(), "another")->list().status()));
  struct stat about{};
  ASSERT_EQ(stat((folder_.path() / "socket").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
}

// Exit code of a child of another user: 0 when it was closed at once, 1 when not, 2 when it could not connect.
int as_nobody(const std::string& address) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(3);
    RawPeer peer(address);
    if (!peer.is_connected()) _exit(2);
    peer.send(kHttp2Hello);
    _exit(peer.is_closed_within(2000) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST_F(LocalSocketTest, AnotherUserIsKeptOutByTheModeAndByTheKernelsWord) {
  if (geteuid() != 0) return;  // only root can become another user
  const ServiceScene scene({.listen = address(), .token = "", .instance = ""});
  fs::permissions(folder_.path(), fs::perms::all);
  EXPECT_EQ(as_nobody(address()), 2) << "the mode of the socket";
  fs::permissions(folder_.path() / "socket", fs::perms::all);
  EXPECT_EQ(as_nobody(address()), 0) << "SO_PEERCRED";
  EXPECT_TRUE(scene.client()->list().ok()) << "the control";
}

TEST_F(LocalSocketTest, ADeadOnesFileIsReplacedAndALivingOnesIsNot) {
  {
    std::ofstream(folder_.path() / "socket") << "left over";
    const ServiceScene scene({.listen = address(), .token = "", .instance = ""});
    EXPECT_TRUE(scene.client()->list().ok());
    const auto second = Listener::open(address());
    ASSERT_TRUE(absl::IsInvalidArgument(second.status())) << second.status();
    EXPECT_NE(second.status().message().find("another process listens there"), absl::string_view::npos);
    EXPECT_TRUE(scene.client()->list().ok());
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "socket"));
}

TEST_F(LocalSocketTest, NoticesThatItsFileIsGone) {
  const auto listener = Listener::open(address());
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE((*listener)->is_reachable());
  fs::remove(folder_.path() / "socket");
  EXPECT_FALSE((*listener)->is_reachable());
  const auto next = Listener::open(address());
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_FALSE((*listener)->is_reachable()) << "that of another";
  (*listener)->stop();
  EXPECT_TRUE((*next)->is_reachable()) << "which stays";
}

TEST_F(LocalSocketTest, APathThatIsTooLongIsSaid) {
  const auto listener = Listener::open("unix:/tmp/" + std::string(103, 'x'));
  ASSERT_TRUE(absl::IsInvalidArgument(listener.status()));
  EXPECT_NE(listener.status().message().find("1 to 107 bytes, this one has 108"), absl::string_view::npos)
      << listener.status();
}

TEST_F(LocalSocketTest, TheAddressIsShortAndOneForEachState) {
  const auto first = local_address("/state/" + std::string(300, 'x'));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->starts_with("unix:" + folder_.path().string())) << *first;
  EXPECT_LE(first->size(), 5 + kMostSocketPathBytes);
  EXPECT_EQ(*first, *local_address("/state/" + std::string(300, 'x')));
  EXPECT_NE(*first, *local_address("/state/" + std::string(299, 'x')));
}

TEST_F(LocalSocketTest, ADirectoryThatIsNotTheUsersOwnIsNotUsed) {
  const std::string fallback = fmt::format("unix:{}/lockstep-{}/", state("temporary").native(), geteuid());
  const auto place = [&] { return local_address("/state").value_or("none"); };
  EXPECT_FALSE(place().starts_with(fallback)) << "the control";
  fs::permissions(folder_.path(), fs::perms::all);
  EXPECT_TRUE(place().starts_with(fallback)) << place();
  fs::permissions(folder_.path(), fs::perms::owner_all);
  for (const std::string& other : {std::string("relative"), (folder_.path() / "no such").string(),
                                   (folder_.path() / std::string(100, 'x')).string()}) {
    if (fs::path(other).is_absolute() && other.size() > 100) fs::create_directories(other);
    setenv("XDG_RUNTIME_DIR", other.c_str(), 1);
    EXPECT_TRUE(place().starts_with(fallback)) << other;
    setenv("TMPDIR", other.c_str(), 1);
    EXPECT_TRUE(place().starts_with(fmt::format("unix:/tmp/lockstep-{}/", geteuid()))) << other;
    setenv("TMPDIR", state("temporary").c_str(), 1);
  }
}

TEST_F(LocalSocketTest, TheOneCoordinatorThereIsIsFound) {
  const ServiceScene first({.listen = address(), .token = "", .instance = ""});
  ASSERT_TRUE(publish_endpoint(state("a"), endpoint(address())).ok());
  EXPECT_TRUE(is_published(state("a")));
  EXPECT_EQ(find_state().value_or(""), state("a"));
  ASSERT_TRUE(publish_endpoint(state("b"), endpoint("unix:/nobody")).ok());
  EXPECT_EQ(find_state().value_or(""), state("a")) << "of two, the one that lives";
  ASSERT_TRUE(publish_endpoint(state("b"), endpoint(address())).ok());
  const auto two = find_state();
  ASSERT_TRUE(absl::IsInvalidArgument(two.status())) << two.status();
  EXPECT_NE(two.status().message().find(state("b").native()), absl::string_view::npos) << two.status();
  withdraw_endpoint(state("b"));
  EXPECT_FALSE(is_published(state("b")));
  EXPECT_EQ(find_state().value_or(""), state("a"));
  EXPECT_EQ(read_endpoint(state("b"))->address(), address()) << "which trainers read";
}

TEST_F(LocalSocketTest, ALinkThatLeadsNowhereIsPassedOverAndRemoved) {
  ASSERT_TRUE(publish_endpoint(state("gone"), endpoint("unix:/nobody")).ok());
  fs::remove_all(state("gone"));
  ASSERT_TRUE(publish_endpoint(state("here"), endpoint("unix:/nobody")).ok());
  EXPECT_EQ(find_state().value_or(""), state("here"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path() / "lockstep"), fs::directory_iterator()), 1);
}

TEST_F(LocalSocketTest, AClientFollowsItsCoordinator) {
  auto before = std::make_unique<ServiceScene>(ServerOptions{});
  ASSERT_TRUE(publish_endpoint(state("moving"), endpoint(before->address())).ok());
  const auto client = Client::follow(state("moving"), kToken);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE((*client)->list().ok());
  before.reset();
  EXPECT_TRUE(absl::IsUnavailable((*client)->list().status()));
  const ServiceScene after({.listen = address(), .token = "", .instance = ""});
  ASSERT_TRUE(publish_endpoint(state("moving"), endpoint(address())).ok());
  EXPECT_TRUE((*client)->list().ok());
}

// Of the answer of a call of trainers.
std::string instance_in_answer(const ServiceScene& scene) {
  grpc::ClientContext context;
  proto::ReportReply reply;
  const auto stub = proto::RunnerService::NewStub(scene.channel());
  EXPECT_EQ(stub->Report(&context, {}, &reply).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find("lockstep-instance");
  return found == metadata.end() ? "none" : std::string(found->second.data(), found->second.size());
}

TEST_F(LocalSocketTest, ARefusalOfATrainerSaysWhoRefuses) {
  EXPECT_EQ(instance_in_answer(ServiceScene()), kInstance);
}

}  // namespace
}  // namespace lockstep
