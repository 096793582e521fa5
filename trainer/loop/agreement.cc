#include "trainer/loop/agreement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace lockstep {
namespace {

constexpr std::size_t kMessageBytes = 16384;

// The message of `source`'s status. Collective.
std::string message_of(Communicator& communicator, const Status& mine, int source) {
  std::array<char, kMessageBytes> text{};
  if (communicator.rank() == source) {
    const auto message = mine.message();
    std::memcpy(text.data(), message.data(), std::min(message.size(), kMessageBytes - 1));
  }
  communicator.broadcast(std::as_writable_bytes(std::span(text)), source);
  return text.data();
}

}  // namespace

Status agree(Communicator& communicator, const Status& mine) {
  const auto code = static_cast<std::int32_t>(mine.code());
  std::vector<std::int32_t> codes(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&code, 1)), std::as_writable_bytes(std::span(codes)));
  const auto failed = std::find_if(codes.begin(), codes.end(), [](std::int32_t other) { return other != 0; });
  if (failed == codes.end()) return OkStatus();

  const int culprit = static_cast<int>(failed - codes.begin());
  const std::string text = message_of(communicator, mine, culprit);
  const bool everywhere = std::all_of(codes.begin(), codes.end(), [&](std::int32_t other) { return other == *failed; });
  const Status status(static_cast<absl::StatusCode>(*failed), text);
  return everywhere ? status : with_context(status, fmt::format("rank {}", culprit));
}

void share_text(Communicator& communicator, std::string& text) {
  std::uint64_t length = text.size();
  communicator.broadcast(std::as_writable_bytes(std::span(&length, 1)), 0);
  text.resize(length);
  communicator.broadcast(std::as_writable_bytes(std::span(text)), 0);
}

Status from_rank_0(Communicator& communicator, const Status& mine) {
  auto code = static_cast<std::int32_t>(mine.code());
  communicator.broadcast(std::as_writable_bytes(std::span(&code, 1)), 0);
  if (code == 0) return OkStatus();
  return {static_cast<absl::StatusCode>(code), message_of(communicator, mine, 0)};
}

}  // namespace lockstep
