#include "tests/coordinator/service/raw_peer.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coordinator/service/socket_address.h"

namespace lockstep {

RawPeer::RawPeer(const std::string& address) {
  StatusOr<SocketAddress> where = parse_address(address);
  CHECK(where.ok(), "{}", where.status().ToString());
  descriptor_ = socket(where->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return;
  if (connect(descriptor_, where->get(), where->size) == 0) return;
  close(descriptor_);
  descriptor_ = -1;
}

RawPeer::~RawPeer() {
  if (descriptor_ >= 0) close(descriptor_);
}

RawPeer::RawPeer(RawPeer&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RawPeer& RawPeer::operator=(RawPeer&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

bool RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawPeer::is_closed_within(int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  std::array<char, 4096> said{};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd readable{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t bytes = recv(descriptor_, said.data(), said.size(), 0);
    if (bytes == 0 || (bytes < 0 && errno != EINTR)) return true;
  }
}

}  // namespace lockstep
