// Addresses of sockets as gRPC spells them: "127.0.0.1:7070", "[::1]:0", or "unix:" and the path of a socket.
// Threads: functions are independent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <sys/socket.h>

#include "storage/base/status.h"

namespace lockstep {

inline constexpr std::size_t kMostSocketPathBytes = 107;

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
  bool is_local() const { return bytes.ss_family == AF_UNIX; }
  // Of a local socket.
  std::filesystem::path path() const;
  // Not of a local socket.
  int port() const;
};

// A host and port are those of loopback, whatever the host is called (server.h, check_loopback). Errors:
// bad_configuration when there is no port, or a path is longer than a socket's may be.
StatusOr<SocketAddress> parse_address(const std::string& address);

// Whether somebody takes connections there now.
bool can_connect(const std::string& address);

}  // namespace lockstep
