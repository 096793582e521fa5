// A connection, over TCP or to a local socket, that says whatever a test wants. Threads: one thread per object.
#pragma once

#include <string>
#include <string_view>

namespace lockstep {

// What a client of HTTP/2 says first: the preface, and settings that ask for nothing.
inline constexpr std::string_view kHttp2Hello{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33};

class RawPeer {
 public:
  explicit RawPeer(const std::string& address);
  ~RawPeer();
  RawPeer(RawPeer&& other) noexcept;
  RawPeer& operator=(RawPeer&& other) noexcept;

  bool is_connected() const { return descriptor_ >= 0; }
  // False: the other side has closed.
  bool send(std::string_view bytes);
  // Whether the other side closes within so long; what it says before is read and dropped.
  bool is_closed_within(int milliseconds);

 private:
  int descriptor_ = -1;
};

}  // namespace lockstep
