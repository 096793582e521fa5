#include "coordinator/service/socket_address.h"

#include <charconv>
#include <cstdint>
#include <cstring>

#include <netinet/in.h>
#include <sys/un.h>

#include "storage/base/descriptor.h"

namespace lockstep {
namespace {

constexpr std::string_view kLocal = "unix:";

StatusOr<SocketAddress> local_address_of(const std::string& path) {
  SocketAddress address;
  auto& it = reinterpret_cast<sockaddr_un&>(address.bytes);
  static_assert(sizeof(it.sun_path) == kMostSocketPathBytes + 1);
  if (path.empty() || path.size() > kMostSocketPathBytes) {
    return bad_configuration(fmt::format("{}: the path of a socket has 1 to {} bytes, this one has {}", path,
                                         kMostSocketPathBytes, path.size()));
  }
  it.sun_family = AF_UNIX;
  std::memcpy(it.sun_path, path.data(), path.size());
  address.size = sizeof(it);
  return address;
}

}  // namespace

std::filesystem::path SocketAddress::path() const {
  return reinterpret_cast<const sockaddr_un&>(bytes).sun_path;
}

int SocketAddress::port() const {
  return ntohs(bytes.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bytes).sin6_port
                                           : reinterpret_cast<const sockaddr_in&>(bytes).sin_port);
}

StatusOr<SocketAddress> parse_address(const std::string& text) {
  if (text.starts_with(kLocal)) return local_address_of(text.substr(kLocal.size()));
  const std::string port_text = text.substr(text.rfind(':') + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) {
    return bad_configuration(fmt::format("{}: `{}` is no port", text, port_text));
  }
  SocketAddress address;
  if (text.starts_with('[')) {
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

bool can_connect(const std::string& address) {
  StatusOr<SocketAddress> where = parse_address(address);
  if (!where.ok()) return false;
  const Descriptor peer(socket(where->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return peer.valid() && connect(peer.get(), where->get(), where->size) == 0;
}

}  // namespace lockstep
