#include "coordinator/service/listener.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lockstep {
namespace {

constexpr rlim_t kMostDescriptors = 4096;
constexpr int kBacklog = 1024;
constexpr int kPauseMs = 50;  // after an error of accept
// Each new connection costs as much as several calls; a flood of them waits in the kernel's queue instead.
constexpr std::chrono::microseconds kConnectionInterval{1'000};
constexpr int kConnectionBurst = 64;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

StatusOr<Address> address_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  const std::string port_text = listen.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) {
    return bad_configuration(fmt::format("{}: `{}` is no port", listen, port_text));
  }
  Address address;
  if (listen.starts_with('[')) {
    auto& it = reinterpret_cast<sockaddr_in6&>(address.bytes);
    it.sin6_family = AF_INET6;
    it.sin6_port = htons(port);
    it.sin6_addr = in6addr_loopback;
    address.size = sizeof(it);
  } else {
    auto& it = reinterpret_cast<sockaddr_in&>(address.bytes);
    it.sin_family = AF_INET;
    it.sin_port = htons(port);
    it.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof(it);
  }
  return address;
}

// Descriptors that connections may have: numbers below the result.
int descriptors_for_connections() {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0, "{}", std::strerror(errno));
  rlimit raised = limit;
  raised.rlim_cur = std::min(limit.rlim_max, kMostDescriptors);
  if (raised.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  const auto all = static_cast<int>(std::min(limit.rlim_cur, kMostDescriptors));
  return all - all / 4;
}

// Lets one pass in each interval; what was not used counts, up to a burst.
class Pace {
 public:
  void wait() {
    const auto now = std::chrono::steady_clock::now();
    next_ = std::max(next_, now - kConnectionBurst * kConnectionInterval) + kConnectionInterval;
    if (next_ > now) std::this_thread::sleep_until(next_);
  }

 private:
  std::chrono::steady_clock::time_point next_;
};

}  // namespace

StatusOr<std::unique_ptr<Listener>> Listener::open(const std::string& listen) {
  ASSIGN_OR_RETURN(Address address, address_of(listen));
  auto* const where = reinterpret_cast<sockaddr*>(&address.bytes);
  const int descriptor = socket(where->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;  // a port that was left a minute ago may be had again; one in use may not
  if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(descriptor, where, address.size) != 0 || ::listen(descriptor, kBacklog) != 0 ||
      getsockname(descriptor, where, &address.size) != 0) {
    const std::string reason = std::strerror(errno);
    if (descriptor >= 0) close(descriptor);
    return bad_configuration(fmt::format("{}: the address cannot be had: {}", listen, reason));
  }
  const int port = ntohs(where->sa_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(where)->sin6_port
                                                      : reinterpret_cast<sockaddr_in*>(where)->sin_port);
  return std::unique_ptr<Listener>(new Listener(descriptor, port));
}

void Listener::start(std::function<void(int)> take) {
  take_ = std::move(take);
  thread_ = std::thread([this, below = descriptors_for_connections()] { accept_all(below); });
}

void Listener::stop() {
  if (stopping_.exchange(true)) return;
  shutdown(descriptor_, SHUT_RDWR);  // wakes poll
  if (thread_.joinable()) thread_.join();
  close(descriptor_);
}

void Listener::accept_all(int below) {
  pollfd readable{.fd = descriptor_, .events = POLLIN, .revents = 0};
  Pace pace;
  while (!stopping_) {
    poll(&readable, 1, -1);
    pace.wait();
    const int connection = accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (!stopping_ && errno != EAGAIN && errno != EINTR) poll(nullptr, 0, kPauseMs);
    } else if (connection >= below) {  // the kernel gives the lowest number that is free
      close(connection);
    } else {
      const int on = 1;
      setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      take_(connection);
    }
  }
}

}  // namespace lockstep
